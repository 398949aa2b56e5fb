// Access as a module: who comes in, over what, how much at once, and what is written down about it.
import { Module } from '@nestjs/common';
import { ConfigModule } from '../config/config.module.js';
import { AuditLog } from './audit-log.js';
import { BodyRoom } from './body-room.js';
import { Gate } from './gate.js';
import { Tls } from './tls.js';

@Module({ imports: [ConfigModule], providers: [AuditLog, BodyRoom, Gate, Tls], exports: [AuditLog, BodyRoom, Gate, Tls] })
export class AccessModule {}

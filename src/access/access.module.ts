// Access as a module: who comes in, over what, and what is written down about it.
import { Module } from '@nestjs/common';
import { ConfigModule } from '../config/config.module.js';
import { AuditLog } from './audit-log.js';
import { Gate } from './gate.js';
import { Tls } from './tls.js';

@Module({ imports: [ConfigModule], providers: [AuditLog, Gate, Tls], exports: [AuditLog, Gate, Tls] })
export class AccessModule {}

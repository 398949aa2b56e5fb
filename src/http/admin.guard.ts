// The routes that change the server or show its inside: there only where ADMIN_API says so.
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Environment } from '../config/environment.js';
import { NestorError } from '../errors.js';

@Injectable()
export class AdminGuard implements CanActivate {
  constructor(private readonly environment: Environment) {}

  /** @throws NestorError NOT_FOUND, as if there were no such route. */
  canActivate(context: ExecutionContext): boolean {
    if (this.environment.ADMIN_API) return true;
    const { method } = context.switchToHttp().getRequest<FastifyRequest>();
    throw new NestorError('NOT_FOUND', `There is no such route for ${method} while ADMIN_API is off. GET /docs shows those that there are`);
  }
}

// Whether the caller may use the one model that these routes serve.
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { requireOwn } from '../access.js';
import { TeiModel } from './tei-model.js';

@Injectable()
export class TeiModelGuard implements CanActivate {
  constructor(private readonly model: TeiModel) {}

  /** @throws Denial MODEL_NOT_FOUND, as if it did not exist. */
  canActivate(context: ExecutionContext): boolean {
    requireOwn(context.switchToHttp().getRequest(), this.model.ref.name);
    return true;
  }
}

// May the process be sent traffic? The one answer, for every protocol that asks with yes or no.
import { Injectable } from '@nestjs/common';
import { HealthCheckService } from '@nestjs/terminus';
import { Readiness } from './readiness.js';

@Injectable()
export class ReadinessCheck {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  async ready(): Promise<boolean> {
    if (this.readiness.draining || this.readiness.condemned) return false;
    return this.checks.check([...this.readiness.indicators]).then(
      () => true,
      () => false,
    );
  }
}

// The probes: live says that the process answers, startup that it has loaded, ready that it may be sent traffic.
import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import { Open } from '../access/needs.js';
import { Readiness } from '../health/readiness.js';

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly readiness: Readiness,
  ) {}

  @Get('live')
  @Open()
  @HealthCheck()
  @ApiOperation({ summary: 'Does the process answer? If not, restart it.' })
  live(): Promise<HealthCheckResult> {
    return this.checks.check([]);
  }

  @Get('startup')
  @Open()
  @HealthCheck()
  @ApiOperation({ summary: 'Are all models loaded and warmed up?' })
  startup(): Promise<HealthCheckResult> {
    return this.checks.check([() => this.#state('startup', this.readiness.started, 'models are being loaded')]);
  }

  @Get(['', 'ready'])
  @Open()
  @HealthCheck()
  @ApiOperation({
    summary: 'May the process be sent traffic? Every model has a worker alive, no device failed for good, and nothing drains.',
  })
  ready(): Promise<HealthCheckResult> {
    const draining = () => this.#state('traffic', !this.readiness.draining, 'the server is shutting down');
    const device = () =>
      this.#state('device', !this.readiness.condemned, 'it failed for good; the process ends so that another takes its place');
    return this.checks.check([draining, device, ...this.readiness.indicators]);
  }

  #state(key: string, up: boolean, reason: string) {
    const check = this.indicator.check(key);
    return up ? check.up() : check.down(reason);
  }
}

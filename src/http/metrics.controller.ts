// GET /metrics: the instruments, in the format that the scrape asks for.
import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import type { FastifyReply } from 'fastify';
import { exposition } from '../telemetry/exposition.js';
import { Metrics } from '../telemetry/metrics.js';
import { addVary } from './vary.js';

@ApiExcludeController()
@Controller()
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Needs('models:read', 'named', 'metrics')
  async show(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { type, text } = await exposition(this.metrics.registry, accept);
    void reply.header('Content-Type', type);
    addVary(reply, 'Accept');
    return text;
  }
}

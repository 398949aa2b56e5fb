// What of the refusals is counted: a probe that says no has refused nobody.
import type { ArgumentsHost } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import type { AuditLog } from '../access/audit-log.js';
import type { Declared } from '../access/needs.js';
import { NestorError, type ErrorCode } from '../errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TenantMetrics } from '../telemetry/tenant-metrics.js';
import type { Tenants } from '../tenants/tenants.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';

const PREDICT: Declared = { scope: 'predict', reach: 'named' };

/** The codes that were counted, of all and of the tenant, when this was thrown on a route of that need. */
function counted(code: ErrorCode, need: Declared, url = '/v2/health/ready'): unknown[] {
  const codes: unknown[] = [];
  const metrics = { rejected: { labels: (reason: string) => ({ inc: () => codes.push(reason) }) } } as unknown as Metrics;
  const usage = { rejected: (_: string, reason: string) => codes.push(reason) } as unknown as TenantMetrics;
  const tenants = { of: () => ({ label: 'a' }) } as unknown as Tenants;
  const filter = new ProblemFilter(metrics, new RouteTable(), tenants, usage, {} as AuditLog);
  const request = { url: '/v2/health/ready', method: 'GET', tenant: 'a', routeOptions: { url, config: { need } }, failure: null };
  const http = { getRequest: () => request, getResponse: () => ({ sent: true }) };
  filter.catch(new NestorError(code, 'no'), { switchToHttp: () => http } as unknown as ArgumentsHost);
  expect(request.failure).toBe(code);
  return codes;
}

describe('a refusal', () => {
  it.each(['MODEL_NOT_READY', 'DRAINING'] as const)('of %s is counted, but as the answer of a probe', (code) => {
    expect(counted(code, PREDICT, '/v1/embeddings')).toEqual([code, code]);
    expect(counted(code, 'open')).toEqual([]);
    for (const version of ['', '/versions/:version']) expect(counted(code, PREDICT, `/v2/models/:model${version}/ready`)).toEqual([]);
    expect(counted(code, PREDICT, '/v2/models/:model/infer')).toEqual([code, code]);
  });

  it('of what is wrong with a probe is counted', () => {
    expect(counted('URL_TOO_LONG', 'open')).toEqual(['URL_TOO_LONG', 'URL_TOO_LONG']);
  });
});

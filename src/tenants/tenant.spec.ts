// A tenant: what it has used, whatever becomes of its limits.
import { expect, it } from '@jest/globals';
import { limitsOf, type Limit } from './limit.js';
import { Tenant } from './tenant.js';

/** A tenant of such limits, and another setting of them. */
function limited(...limits: readonly Limit[]): { tenant: Tenant; configure: (...limits: readonly Limit[]) => void } {
  const tenant = new Tenant('team', undefined);
  const configure = (...others: readonly Limit[]): void => {
    tenant.configure('team', { weight: 1, limits: others });
  };
  configure(...limits);
  return { tenant, configure };
}
const left = ({ limits }: Tenant): string => limits.replaceAll(/;t=\d+/g, '');

it('what was used stays used where a limit is away for a while', () => {
  const tokens = limitsOf('tokens', '100/day');
  const { tenant, configure } = limited(...tokens);
  void tenant.charge({ tokens: 90 });
  configure();
  expect([tenant.policies, left(tenant)]).toEqual([undefined, '']);
  configure(...limitsOf('items', '5/day'));
  configure(...tokens);
  expect(left(tenant)).toBe('"tokens-per-day";r=10');
});

// Every kind of key: who may do everything, who may do one thing, who has other models, and who is refused.
import { Keys } from './keys.js';

export const SCOPES = ['predict', 'embed', 'models:read', 'admin'] as const;
const OTHERS = SCOPES.map((scope) => `${scope}:team-b-*`);

export const keys = new Keys();
export const valid = keys.create('valid', SCOPES);
export const other = keys.create('other', OTHERS, 'tenant-b');
/** Of tenant-a, as `valid` is, for the models of others. */
export const sibling = keys.create('sibling', OTHERS);
/** A key with one scope, for each of them. */
export const single = Object.fromEntries(SCOPES.map((scope) => [scope, keys.create(`only-${scope.replace(':', '-')}`, [scope])]));
const expired = keys.create('expired', SCOPES);
const revoked = keys.create('revoked', SCOPES);
keys.expire('expired');
keys.revoke('revoked');
/** Of strangers and of those who are strangers now. */
export const REFUSED: Readonly<Record<string, string | undefined>> = {
  'no key': undefined,
  'a wrong secret': valid.slice(0, -4) + (valid.endsWith('AAAA') ? 'BBBB' : 'AAAA'),
  'an unknown id': valid.replace('valid', 'nobody'),
  'no key at all': 'hunter2',
  'an expired key': expired,
  'a revoked key': revoked,
};

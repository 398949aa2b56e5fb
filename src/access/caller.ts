// Who asks.
import { Grants, SCOPES } from './scopes.js';

export interface Caller {
  /** Of the key; of a token `jwt:` and its subject. */
  readonly id: string;
  /** Undefined: none of those that access knows. */
  readonly tenant: string | undefined;
  readonly grants: Grants;
}

/** Whoever comes, where access is open. */
export const ANYBODY: Caller = { id: 'anybody', tenant: undefined, grants: new Grants(SCOPES) };

/** Whoever comes to a route that asks nobody: it may do what that route does, and nothing more. */
export const NOBODY: Caller = { id: 'nobody', tenant: undefined, grants: new Grants([]) };

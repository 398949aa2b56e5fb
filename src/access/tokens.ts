// JWTs of one issuer, verified with the keys that it publishes.
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import type { Environment } from '../config/environment.js';
import { NestorError } from '../errors.js';
import type { Caller } from './caller.js';
import { unauthenticated, type Denial } from './denial.js';
import { Grants, isScope } from './scopes.js';

/** Asymmetric alone: what verifies must not be able to sign, and a public key must not pass for a shared secret. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** A key that is not there is looked for again, no more often than this, whatever strangers send. */
const COOLDOWN_MS = 5000;
const KEYS_GOOD_MS = 600_000;
const FETCH_TIMEOUT_MS = 5000;
/** Longer than any subject of use; it stands in the audit log. */
const LONGEST_SUBJECT = 128;

/** Faults of the token; whatever else goes wrong is the issuer's. */
const FAULTS = new Set([
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWS_INVALID',
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_INVALID',
]);

export interface VerifiedToken {
  readonly caller: Caller;
  /** Milliseconds since 1970, the skew of clocks included. */
  readonly expires: number;
}

export class Tokens {
  readonly #keys: JWTVerifyGetKey;
  readonly #options: JWTVerifyOptions;

  constructor(private readonly environment: Environment) {
    this.#keys = createRemoteJWKSet(new URL(environment.JWT_JWKS_URL), {
      cooldownDuration: COOLDOWN_MS,
      cacheMaxAge: KEYS_GOOD_MS,
      timeoutDuration: FETCH_TIMEOUT_MS,
    });
    this.#options = {
      issuer: environment.JWT_ISSUER,
      audience: environment.JWT_AUDIENCE,
      algorithms: ALGORITHMS,
      clockTolerance: environment.JWT_CLOCK_SKEW_SECONDS,
      requiredClaims: ['exp', 'sub'],
    };
  }

  /** @throws Denial UNAUTHENTICATED, or NestorError ISSUER_UNAVAILABLE. */
  async verify(token: string): Promise<VerifiedToken> {
    const { payload } = await jwtVerify(token, this.#keys, this.#options).catch((thrown: unknown) => {
      throw refusal(thrown);
    });
    return { caller: this.#callerOf(payload), expires: ((payload.exp ?? 0) + this.environment.JWT_CLOCK_SKEW_SECONDS) * 1000 };
  }

  /** Scopes of other services are passed over. @throws Denial UNAUTHENTICATED for a token that names no subject or no tenant. */
  #callerOf(payload: JWTPayload): Caller {
    const { JWT_TENANT_CLAIM, JWT_SCOPE_CLAIM } = this.environment;
    const { sub, [JWT_TENANT_CLAIM]: tenant, [JWT_SCOPE_CLAIM]: scopes } = payload;
    // That it is there is verified, and not what it is.
    if (typeof sub !== 'string') throw unauthenticated('The claim "sub" of the token must be a text (RFC 7519)', 'no subject');
    const id = `jwt:${sub.slice(0, LONGEST_SUBJECT)}`;
    if (typeof tenant !== 'string' || tenant === '')
      throw unauthenticated(`The token has no claim ${JSON.stringify(JWT_TENANT_CLAIM)}, a text that names the tenant`, 'no tenant', id);
    return { id, tenant, grants: new Grants(textsOf(scopes).filter(isScope)) };
  }
}

/** As one text with spaces (RFC 8693), or as a list. */
function textsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((scope) => typeof scope === 'string') : [];
}

function refusal(thrown: unknown): Denial | NestorError {
  const code = thrown instanceof errors.JOSEError ? thrown.code : undefined;
  if (code === 'ERR_JWT_EXPIRED') return unauthenticated('The token has expired', 'expired token');
  if (code !== undefined && FAULTS.has(code)) return unauthenticated('The token is not valid', code);
  const message = 'Tokens cannot be verified: the keys of their issuer cannot be had. Keys of Nestor are not affected';
  return new NestorError('ISSUER_UNAVAILABLE', message, { retryAfter: COOLDOWN_MS / 1000, cause: thrown });
}

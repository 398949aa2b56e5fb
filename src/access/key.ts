// An API key: what its owner sends, and what is kept to recognize it.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** `nst_<id>_<secret>`, the secret being 256 random bits as base64url. */
const FORM = /^nst_([a-z0-9][a-z0-9-]{0,62})_([A-Za-z0-9_-]{43})$/;
export const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;
const KEPT = /^sha256:([A-Za-z0-9_-]{22}):([A-Za-z0-9_-]{43})$/;

/**
 * What is kept of a secret: a salt, and the SHA-256 of salt and secret.
 *
 * A fast hash is right here. Slow ones (scrypt, argon2) make up for passwords that people choose, which can be guessed; nobody guesses 256
 * random bits, at whatever speed, and a slow one would cost each new connection, and each guess of a stranger, some tens of milliseconds
 * of a core. Both have a fixed length, so that the end of one cannot be taken for the beginning of the other.
 */
export interface Digest {
  readonly salt: string;
  readonly sha256: Buffer;
}

export interface NewKey {
  /** What its owner gets, once. */
  readonly key: string;
  /** `sha256:<salt>:<hash>` */
  readonly kept: string;
}

export function newKey(id: string): NewKey {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  return { key: `nst_${id}_${secret}`, kept: `sha256:${salt}:${hash('sha256', salt + secret, 'base64url')}` };
}

/** Undefined for what has not its form. */
export function digestOf(kept: string): Digest | undefined {
  const [, salt, sha256] = KEPT.exec(kept) ?? [];
  return salt && sha256 ? { salt, sha256: Buffer.from(sha256, 'base64url') } : undefined;
}

/** Id and secret of what was sent; empty where it is no key. */
export function partsOf(key: string): { id: string; secret: string } {
  const [, id = '', secret = ''] = FORM.exec(key) ?? [];
  return { id, secret };
}

/** In a time that does not depend on where they differ. */
export function isSecret(secret: string, { salt, sha256 }: Digest): boolean {
  return timingSafeEqual(hash('sha256', salt + secret, 'buffer'), sha256);
}

/** Takes the place of a key that there is none: a stranger's guess at an id costs the same whether it is one. */
export const NO_KEY: Digest = { salt: randomBytes(SALT_BYTES).toString('base64url'), sha256: randomBytes(32) };

// Who is it? Keys at once, tokens once their signature is verified, and either by memory when it comes again.
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Environment } from '../config/environment.js';
import { AuditLog } from './audit-log.js';
import { ANYBODY, NOBODY, type Caller } from './caller.js';
import { modeOf } from './mode.js';
import { unauthenticated } from './denial.js';
import { KeyRing } from './key-ring.js';
import type { Declared } from './needs.js';
import { Tokens } from './tokens.js';

/** Credentials that are remembered, and characters of them altogether. */
const MOST_KNOWN = 4096;
const MOST_CHARACTERS = 8 * 1024 * 1024;
/** A token is verified again after this: its issuer may have withdrawn the key that signed it. */
const TOKEN_GOOD_MS = 60_000;
/** The use of a key is worth a line of the audit log this often. */
const NOTED_EVERY_MS = 60_000;
/** Schemes are case-insensitive (RFC 9110). */
const BEARER = /^bearer +(\S+)$/i;
const KEY = 'nst_';

interface Known {
  readonly caller: Caller;
  /** Whether it came as X-API-Key: good in one header is not good in the other. */
  readonly asKey: boolean;
  /** Milliseconds since 1970. */
  readonly until: number;
  notedUntil: number;
}

@Injectable()
export class Gate implements OnModuleInit, OnApplicationShutdown {
  /** Nobody is asked. */
  readonly open: boolean;
  readonly #openRoutes: ReadonlySet<string>;
  readonly #tokens: Tokens | undefined;
  #ring: KeyRing | undefined;
  #onTenants: (names: readonly string[]) => void = () => undefined;

  /**
   * Callers by the header that they sent: what is remembered costs a look-up of a text and no digest. Only what was found good is in it,
   * so that guesses push nothing out. That the look-up compares texts tells a stranger nothing: only a text with the same hash, under a
   * seed of this process, is compared at all.
   */
  readonly #known = new LRUCache<string, Known>({
    max: MOST_KNOWN,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: (_, credential) => credential.length,
  });

  /** Until when the use of a key is written down, by its id: it may come in several headers, and with several tokens. */
  readonly #noted = new LRUCache<string, number>({ max: MOST_KNOWN });

  /** @throws Error that says what to set, where the environment leaves access unsaid. */
  constructor(
    private readonly environment: Environment,
    private readonly audit: AuditLog,
  ) {
    const mode = modeOf(environment);
    this.open = mode === 'open';
    this.#openRoutes = new Set(environment.OPEN_ROUTES.split(','));
    this.#tokens = environment.JWT_ISSUER === '' ? undefined : new Tokens(environment);
  }

  async onModuleInit(): Promise<void> {
    const { ACCESS_KEYS_FILE: file, ACCESS } = this.environment;
    if (file !== '') {
      this.#ring = await KeyRing.open(file, this.audit, () => {
        this.#known.clear();
        this.#tellTenants();
      });
      this.#tellTenants();
    }
    if (this.open && ACCESS === '')
      new Logger(Gate.name).log('Access is open to whoever reaches this machine; docs/access.md says how to ask for keys');
  }

  onApplicationShutdown(): void {
    this.#ring?.close();
  }

  /** Before the start: whom to tell the tenants of all keys, once they are read and whenever they have changed. */
  onTenants(listener: (names: readonly string[]) => void): void {
    this.#onTenants = listener;
  }

  /** Whether a route asks nobody. */
  asksNobody(need: Declared): need is 'open' {
    return this.open || need === 'open' || (need.unless !== undefined && this.#openRoutes.has(need.unless));
  }

  /** Who is taken to be there where nobody is asked. */
  get stranger(): Caller {
    return this.open ? ANYBODY : NOBODY;
  }

  /**
   * A promise only where a token is to be verified that was not seen lately.
   * @param apiKey wins over `authorization`, which something in front may use for itself; an empty one says nothing.
   * @throws Denial UNAUTHENTICATED, or NestorError ISSUER_UNAVAILABLE.
   */
  identify(authorization: string | undefined, apiKey: string | undefined): Caller | Promise<Caller> {
    const key = apiKey === '' ? undefined : apiKey;
    const header = key ?? authorization;
    if (header === undefined) throw unauthenticated('This needs a key or a token', 'missing');
    const now = Date.now();
    const known = this.#known.get(header);
    const asKey = key !== undefined;
    if (known?.asKey !== asKey || known.until <= now) return this.#verify(header, asKey);
    if (known.notedUntil <= now) this.#note(known, now);
    return known.caller;
  }

  #verify(header: string, asKey: boolean): Caller | Promise<Caller> {
    const credential = asKey ? header : (BEARER.exec(header)?.[1] ?? '');
    if (this.#ring && credential.startsWith(KEY)) {
      const { caller, expires } = this.#ring.verify(credential);
      return this.#remember(header, asKey, caller, expires);
    }
    // Three parts, as a signed JWT has; whatever else it is, it is not looked into.
    if (!this.#tokens || credential.split('.', 4).length !== 3)
      throw unauthenticated('The key or token is not valid', 'no key and no token');
    return this.#tokens
      .verify(credential)
      .then(({ caller, expires }) => this.#remember(header, asKey, caller, Math.min(expires, Date.now() + TOKEN_GOOD_MS)));
  }

  #remember(header: string, asKey: boolean, caller: Caller, until: number): Caller {
    const known = { caller, asKey, until, notedUntil: 0 };
    this.#known.set(header, known);
    this.#note(known, Date.now());
    return caller;
  }

  #tellTenants(): void {
    this.#onTenants(this.#ring?.tenants ?? []);
  }

  #note(known: Known, now: number): void {
    const { id, tenant } = known.caller;
    const noted = this.#noted.get(id);
    known.notedUntil = noted !== undefined && noted > now ? noted : now + NOTED_EVERY_MS;
    if (known.notedUntil === noted) return;
    this.#noted.set(id, known.notedUntil);
    this.audit.write({ event: 'used', caller: id, tenant });
  }
}

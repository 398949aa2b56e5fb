// All tenants by name, as TENANTS_FILE has them now: it is read again when it changes.
import { hash } from 'node:crypto';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { FileWatch, stateOf } from '../config/file-watch.js';
import { reasonOf } from '../errors.js';
import type { RedisLedger } from './ledger.js';
import { Tenant } from './tenant.js';
import { NO_SETTINGS, readTenants, type AllSettings } from './tenants-file.js';

/** Label of all tenants that no operator has named: labels never come from requests. */
export const OTHER = 'other';

/** Labels of tenants that only keys name: each is a series of every model. */
const MOST_LABELS = 100;

/** Tenants without a name in the file that are remembered with what they have used. */
const MOST_OTHERS = 10_000;

/** Names that are longer are kept as their digest: what is remembered is bounded. */
const LONGEST_NAME = 256;

@Injectable()
export class Tenants implements OnModuleInit, OnApplicationShutdown {
  readonly #logger = new Logger(Tenants.name);
  readonly #named = new Map<string, Tenant>();
  readonly #others = new LRUCache<string, Tenant>({ max: MOST_OTHERS });
  /** Of tenants without a name in the file. */
  readonly #labels = new Set<string>();
  readonly #watch: FileWatch;
  #settings: AllSettings = NO_SETTINGS;
  #nobody: Tenant;

  /**
   * @param file empty: everybody is equal and nobody is limited.
   * @param ledger undefined: this process counts by itself.
   */
  constructor(
    private readonly file: string,
    private readonly ledger: RedisLedger | undefined,
  ) {
    this.#nobody = this.#made('');
    this.#watch = new FileWatch(
      [file],
      () => this.#readAgain(),
      (thrown) => {
        this.#logger.error(`${reasonOf(thrown)}\nThe tenants stay as they were`);
      },
    );
  }

  /** @throws Error that names every key of the file that is wrong: the boot stops. */
  async onModuleInit(): Promise<void> {
    if (this.file === '') return;
    const state = await stateOf([this.file]);
    this.#apply(await readTenants(this.file));
    this.#watch.start(state);
  }

  async onApplicationShutdown(): Promise<void> {
    this.#watch.stop();
    await this.ledger?.close();
  }

  /** @param name undefined where nobody says who asks: they all are one. */
  of(name: string | undefined): Tenant {
    if (name === undefined || name === '') return this.#nobody;
    const known = this.#named.get(name) ?? this.#others.get(name);
    if (known) return known;
    if (name.length > LONGEST_NAME) return this.of(hash('sha256', name));
    const tenant = this.#made(name);
    this.#others.set(name, tenant);
    return tenant;
  }

  /**
   * Makes labels of names that an operator wrote elsewhere, where his keys are, of the first hundred. A label stays: what is counted of
   * a tenant is one series.
   */
  label(names: readonly string[]): void {
    for (const name of names) if (this.#labels.size < MOST_LABELS) this.#labels.add(name);
    this.#configureOthers();
  }

  #made(name: string): Tenant {
    const tenant = new Tenant(name, this.ledger);
    tenant.configure(this.#labelOf(name), this.#settings.others);
    return tenant;
  }

  #labelOf(name: string): string {
    return this.#labels.has(name) ? name : OTHER;
  }

  #configureOthers(): void {
    for (const tenant of [this.#nobody, ...this.#others.values()]) tenant.configure(this.#labelOf(tenant.name), this.#settings.others);
  }

  /** What is wrong changes nothing. */
  async #readAgain(): Promise<void> {
    this.#apply(await readTenants(this.file));
    this.#logger.log(`${this.file} was read again: ${this.#named.size} tenants`);
  }

  #apply(settings: AllSettings): void {
    this.#settings = settings;
    for (const [name, tenant] of this.#named) if (!settings.named.has(name)) this.#others.set(name, tenant);
    const known = (name: string): Tenant => this.#named.get(name) ?? this.#others.get(name) ?? this.#made(name);
    const named = [...settings.named].map(([name, one]) => {
      const tenant = known(name);
      tenant.configure(name, one);
      return [name, tenant] as const;
    });
    this.#named.clear();
    for (const [name, tenant] of named) {
      this.#named.set(name, tenant);
      this.#others.delete(name);
    }
    this.#configureOthers();
  }
}

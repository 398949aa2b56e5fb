// The keys that are good now: read at the start, and again whenever their file changes.
import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { reasonOf } from '../errors.js';
import type { AuditLog } from './audit-log.js';
import { unauthenticated } from './denial.js';
import { FileWatch, isUnread, stateOf } from '../config/file-watch.js';
import { isSecret, NO_KEY, partsOf } from './key.js';
import { keysOf, readKeyFile, type Key } from './key-file.js';

export class KeyRing {
  readonly #logger = new Logger(KeyRing.name);
  readonly #watch: FileWatch;
  #keys: ReadonlyMap<string, Key>;

  /** @throws Error that names ACCESS_KEYS_FILE where the file cannot be read, or says what is wrong with it. */
  private constructor(
    private readonly file: string,
    private readonly audit: AuditLog,
    private readonly changed: () => void,
  ) {
    try {
      this.#keys = this.#read();
    } catch (thrown) {
      throw new Error(`ACCESS_KEYS_FILE=${file}: ${reasonOf(thrown)}`, { cause: thrown });
    }
    this.#watch = new FileWatch(
      [file],
      () => {
        this.#reload();
      },
      (thrown) => {
        this.#complain(thrown);
      },
    );
  }

  /** @param changed is told when keys have come or gone. */
  static async open(file: string, audit: AuditLog, changed: () => void): Promise<KeyRing> {
    const state = await stateOf([file]);
    const ring = new KeyRing(file, audit, changed);
    ring.#watch.start(state);
    return ring;
  }

  /**
   * Does the same work whether there is such a key or not, and says the same.
   * @throws Denial UNAUTHENTICATED; that a key has expired or was revoked is told only to who has its secret.
   */
  verify(presented: string): Key {
    const { id, secret } = partsOf(presented);
    const key = this.#keys.get(id);
    const right = isSecret(secret, key?.digest ?? NO_KEY);
    if (!key || !right) throw unauthenticated('The key is not valid', key ? 'wrong secret' : 'unknown key', key && id);
    if (key.revoked) throw unauthenticated('The key was revoked', 'revoked', id);
    if (key.expires <= Date.now()) throw unauthenticated('The key has expired', 'expired', id);
    return key;
  }

  /** Of all keys that were not revoked, in the order of the file. */
  get tenants(): readonly string[] {
    return [...this.#keys.values()].flatMap(({ caller, revoked }) => (revoked ? [] : (caller.tenant ?? [])));
  }

  close(): void {
    this.#watch.stop();
  }

  #read(): ReadonlyMap<string, Key> {
    return keysOf(readKeyFile(readFileSync(this.file, 'utf8')));
  }

  #reload(): void {
    this.#keys = this.#read();
    this.changed();
    this.#logger.log(`${this.#keys.size} keys from ${this.file}`);
    this.audit.write({ event: 'keys', keys: this.#keys.size });
  }

  /** A file that is not good changes nothing: those who are inside stay inside. */
  #complain(thrown: unknown): void {
    const failure = `the file ${isUnread(thrown) ? 'cannot be read' : 'is not valid'}; the keys that were read before stay good`;
    this.#logger.error(`ACCESS_KEYS_FILE=${this.file}: ${reasonOf(thrown)}; the keys that were read before stay good`);
    this.audit.write({ event: 'keys', failure });
  }
}

// The thread of the disk tier: an SQLite file, so that neither a slow disk nor a broken file ever holds the event loop.
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { DiskReply, DiskRequest, DiskRow, DiskSettings } from './disk-messages.js';

/** Processes of one machine share the file: how long one waits for another's transaction, in milliseconds. */
const BUSY_MS = 50;
/** SQLite's own words for a file that is not, or no longer, its own: https://www.sqlite.org/rescode.html */
const CORRUPT = 11;
const BROKEN = new Set([CORRUPT, 26 /* NOTADB */, 10 /* IOERR */, 14 /* CANTOPEN */]);
/** Once the bound is passed, this part of it is freed: in one go as many entries, or twice the bytes that were written. Others wait meanwhile. */
const FREED_PART = 0.1;
const FREED_AT_ONCE = 1000;
/** A value is marked as used at most this often, in seconds. */
const MARK_SECONDS = 60;
const ROW_OVERHEAD_BYTES = 64;

/** Sums are kept, since counting a million entries at every write would take longer than the write. */
const SUMS = `
  CREATE TABLE IF NOT EXISTS sums (scope TEXT PRIMARY KEY, bytes INTEGER NOT NULL, entries INTEGER NOT NULL);
  CREATE TRIGGER IF NOT EXISTS entered AFTER INSERT ON entries BEGIN
    INSERT INTO sums VALUES (NEW.scope, NEW.bytes, 1)
      ON CONFLICT (scope) DO UPDATE SET bytes = bytes + excluded.bytes, entries = entries + 1;
  END;
  CREATE TRIGGER IF NOT EXISTS changed AFTER UPDATE OF bytes ON entries BEGIN
    UPDATE sums SET bytes = bytes + NEW.bytes - OLD.bytes WHERE scope = NEW.scope;
  END;
  CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON entries BEGIN
    UPDATE sums SET bytes = bytes - OLD.bytes, entries = entries - 1 WHERE scope = OLD.scope;
  END;
`;

// Powers fail and a cache may be lost: it is looked after with checksums, not with fsync.
const SETUP = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -8192;
  CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, scope TEXT NOT NULL, value BLOB NOT NULL, bytes INTEGER NOT NULL, used INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS entries_by_use ON entries (used);
  CREATE INDEX IF NOT EXISTS entries_of_scope_by_use ON entries (scope, used);
  ${SUMS}
`;

const settings = workerData as DiskSettings;
const shares = new Map<string, number>();

interface Scope {
  readonly scope: string;
  readonly bytes: number;
}

interface Row {
  readonly rowid: number;
  readonly used: number;
}

class Store {
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #mark: StatementSync;
  readonly #set: StatementSync;
  readonly #oldest: StatementSync;
  readonly #oldestOfScope: StatementSync;
  readonly #remove: StatementSync;
  readonly #sizes: StatementSync;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#database = new DatabaseSync(path, { timeout: BUSY_MS });
    try {
      this.#database.exec(SETUP);
      const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
      this.#get = prepare('SELECT value, used FROM entries WHERE key = ?');
      this.#mark = prepare('UPDATE entries SET used = ? WHERE key = ?');
      this.#set = prepare(`
        INSERT INTO entries (key, scope, value, bytes, used) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (key) DO UPDATE SET value = excluded.value, bytes = excluded.bytes, used = excluded.used`);
      // Both are answered by an index alone, without a look at the entries.
      this.#oldest = prepare(`SELECT rowid, used FROM entries ORDER BY used LIMIT ${FREED_AT_ONCE}`);
      this.#oldestOfScope = prepare(`SELECT rowid, used FROM entries WHERE scope = ? ORDER BY used LIMIT ${FREED_AT_ONCE}`);
      this.#remove = prepare('DELETE FROM entries WHERE rowid = ? RETURNING bytes');
      this.#sizes = prepare('SELECT scope, bytes, entries FROM sums');
    } catch (thrown) {
      // Left open, each trial would hold one more.
      this.#database.close();
      throw thrown;
    }
  }

  get(keys: readonly string[]): (Uint8Array | undefined)[] {
    const now = seconds();
    const stale: string[] = [];
    const values = keys.map((key) => {
      const row = this.#get.get(key) as { value: Uint8Array; used: number } | undefined;
      if (row && row.used < now - MARK_SECONDS) stale.push(key);
      return row?.value;
    });
    if (stale.length > 0) this.#markUsed(stale, now);
    return values;
  }

  /** What was read is worth more than the mark: on a full disk, or while another process writes, a later read makes it. */
  #markUsed(keys: readonly string[], now: number): void {
    this.#database.exec('PRAGMA busy_timeout = 0');
    try {
      this.#together(() => {
        for (const key of keys) this.#mark.run(now, key);
      });
    } catch {
      // A file that is broken is found out by the next write.
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    }
  }

  set(rows: readonly DiskRow[]): void {
    const now = seconds();
    let written = 0;
    this.#together(() => {
      for (const { key, value } of rows) {
        const bytes = value.byteLength + key.length + ROW_OVERHEAD_BYTES;
        this.#set.run(key, scopeOf(key), value, bytes, now);
        written += bytes;
      }
    });
    this.#makeRoom(written);
  }

  clear(scope: string | undefined): void {
    if (scope === undefined) this.#database.exec('DELETE FROM entries');
    else this.#database.prepare('DELETE FROM entries WHERE scope = ?').run(scope);
  }

  get size(): { bytes: number; entries: number } {
    const sizes = this.#scopes();
    return { bytes: total(sizes), entries: sizes.reduce((sum, { entries }) => sum + entries, 0) };
  }

  close(): void {
    this.#database.close();
  }

  #scopes(): (Scope & { readonly entries: number })[] {
    return this.#sizes.all() as unknown as (Scope & { readonly entries: number })[];
  }

  /**
   * Each share within its bound, and all of it within the whole: of that the scopes without a share have what the others do not hold. Only
   * where shares together are more than the whole do they take from each other.
   */
  #makeRoom(written: number): void {
    const sizes = this.#scopes().filter(({ entries }) => entries > 0);
    const common: Scope[] = [];
    const housed: Scope[] = [];
    for (const { scope, bytes } of sizes) {
      const share = shares.get(scope);
      if (share === undefined) {
        common.push({ scope, bytes });
        continue;
      }
      this.#shrink([{ scope, bytes }], share, written);
      housed.push({ scope, bytes: Math.min(bytes, share) });
    }
    this.#shrink(common, Math.max(0, settings.maxBytes - total(housed)), written);
    this.#shrink(housed, settings.maxBytes, written);
  }

  #shrink(scopes: readonly Scope[], bound: number, written: number): void {
    const bytes = total(scopes);
    if (bytes <= bound) return;
    let excess = bytes - bound * (1 - FREED_PART);
    const enough = excess - 2 * written;
    this.#together(() => {
      while (excess > 0) {
        const rows = this.#oldestOf(scopes);
        for (const { rowid } of rows) {
          if (excess <= 0) return;
          excess -= this.#removed(rowid);
        }
        if (rows.length < FREED_AT_ONCE || excess <= enough) return;
      }
    });
  }

  /** @returns the bytes it had. @throws Error of a broken file where an index names what is not there. */
  #removed(rowid: number): number {
    const row = this.#remove.get(rowid) as { bytes: number } | undefined;
    if (!row) throw Object.assign(new Error(`entry ${rowid} is only in an index`), { errcode: CORRUPT });
    return row.bytes;
  }

  /** What was not used for longest, over all of these scopes. */
  #oldestOf(scopes: readonly Scope[]): Row[] {
    if (shares.size === 0) return this.#oldest.all() as unknown as Row[];
    const rows = scopes.flatMap(({ scope }) => this.#oldestOfScope.all(scope) as unknown as Row[]);
    return scopes.length === 1 ? rows : rows.sort((one, other) => one.used - other.used).slice(0, FREED_AT_ONCE);
  }

  #together(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (thrown) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw thrown;
    }
  }
}

let store: Store | undefined;
/** As it was after the last write. */
let size = { bytes: 0, entries: 0 };

/** The store; a file that cannot be read is thrown away and begun anew. */
function opened(): Store {
  if (!store) {
    store = new Store(settings.path);
    ({ size } = store);
  }
  return store;
}

function discard(): void {
  try {
    store?.close();
  } catch {
    // It is being thrown away.
  }
  store = undefined;
  for (const suffix of ['', '-wal', '-shm']) {
    try {
      rmSync(settings.path + suffix, { force: true });
    } catch {
      // A folder that cannot be written to: the next command says so.
    }
  }
}

function answer(request: DiskRequest): Pick<DiskReply, 'values'> {
  switch (request.kind) {
    case 'get':
      return { values: opened().get(request.keys) };
    case 'set':
      opened().set(request.rows);
      return {};
    case 'clear':
      opened().clear(request.scope);
      return {};
    case 'share':
      if (request.maxBytes === undefined) shares.delete(request.scope);
      else shares.set(request.scope, request.maxBytes);
      return {};
  }
}

function handle(request: DiskRequest): DiskReply {
  try {
    const reply = answer(request);
    if (request.kind !== 'get') size = opened().size;
    return { id: request.id, ...reply, ...size };
  } catch (thrown) {
    const code = (thrown as { errcode?: number }).errcode;
    // The low byte of an extended code is the code.
    if (code !== undefined && BROKEN.has(code & 0xff)) discard();
    return { id: request.id, error: thrown instanceof Error ? thrown.message : String(thrown), ...size };
  }
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

function scopeOf(key: string): string {
  return key.split(':', 1)[0] ?? '';
}

function total(scopes: readonly Scope[]): number {
  return scopes.reduce((sum, { bytes }) => sum + bytes, 0);
}

parentPort?.on('message', (request: DiskRequest) => {
  parentPort?.postMessage(handle(request));
});

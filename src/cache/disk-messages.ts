// What the disk tier and its thread say to each other.

export interface DiskSettings {
  readonly path: string;
  readonly maxBytes: number;
}

export interface DiskRow {
  readonly key: string;
  readonly value: Uint8Array;
}

export type DiskCommand =
  | { readonly kind: 'get'; readonly keys: readonly string[] }
  | { readonly kind: 'set'; readonly rows: readonly DiskRow[] }
  | { readonly kind: 'clear'; readonly scope: string | undefined }
  /** Without bytes the scope has no room of its own any more. */
  | { readonly kind: 'share'; readonly scope: string; readonly maxBytes: number | undefined };

export type DiskRequest = DiskCommand & { readonly id: number };

export interface DiskReply {
  readonly id: number;
  /** Of `get`: one a key, undefined for those that are not there. */
  readonly values?: readonly (Uint8Array | undefined)[];
  readonly error?: string;
  /** Bytes and entries after the command. */
  readonly bytes: number;
  readonly entries: number;
}

// What memory the process takes, as the kernel and V8 count it.
import { readFile } from 'node:fs/promises';

/** In bytes. */
export interface ProcessMemory {
  /** Pages in RAM, shared ones included. */
  readonly rss: number;
  /** The same, a page that n processes map counted as 1/n; equal to `rss` where the system does not say. */
  readonly pss: number;
  /** Pages that nobody else has: what ending the process would free. */
  readonly private: number;
  readonly swap: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  /** Memory of objects outside of V8's heap, array buffers included. */
  readonly external: number;
  readonly arrayBuffers: number;
}

/** The kernel walks through all pages for it, 12 ms for 600 MiB, and holds up whoever maps memory meanwhile: more often it is not asked by scrapes. */
const RECENT_MS = 5000;
let last: { readonly at: number; readonly memory: Promise<ProcessMemory> } | undefined;

/** As it was at most 5 s ago. */
export function recentProcessMemory(): Promise<ProcessMemory> {
  if (!last || performance.now() - last.at > RECENT_MS) last = { at: performance.now(), memory: processMemory() };
  return last.memory;
}

/** Linux counts mappings in `smaps_rollup`; elsewhere what Node knows has to do. */
export async function processMemory(): Promise<ProcessMemory> {
  const rollup = await readFile('/proc/self/smaps_rollup', 'utf8').catch(() => '');
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const counted = (name: string): number | undefined => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  };
  const own = (counted('Private_Clean') ?? 0) + (counted('Private_Dirty') ?? rss);
  return {
    rss: counted('Rss') ?? rss,
    pss: counted('Pss') ?? rss,
    private: own,
    swap: counted('Swap') ?? 0,
    heapUsed,
    heapTotal,
    external,
    arrayBuffers,
  };
}

/**
 * Pages in RAM that no file backs, in bytes: what the process has for itself but for pages of files that nobody else maps. A count that the
 * kernel keeps, where it walks through all pages for the others; elsewhere than on Linux all pages in RAM.
 */
export async function anonymousMemory(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

// Which part of mapped files is in memory, file by file.
import { readFile } from 'node:fs/promises';

/** In bytes. */
export interface MappedFile {
  /** Of all its mappings together. */
  readonly mapped: number;
  /** Its pages in RAM, each counted once however often they are mapped, and as 1/n where n processes map them. */
  readonly resident: number;
}

const HEAD = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s+(\/.*)$/;

/**
 * The mapped files of this process by path; none where the system does not say.
 * @param smaps see https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html
 */
export async function mappedFiles(smaps?: string): Promise<ReadonlyMap<string, MappedFile>> {
  const text = smaps ?? (await readFile('/proc/self/smaps', 'utf8').catch(() => ''));
  const files = new Map<string, MappedFile>();
  let path: string | undefined;
  for (const line of text.split('\n')) {
    const [, kind, kilobytes] = /^(Size|Pss):\s+(\d+) kB$/.exec(line) ?? [];
    if (kind === undefined) {
      if (/^[0-9a-f]+-/.test(line)) path = HEAD.exec(line)?.[1];
      continue;
    }
    if (path === undefined) continue;
    const { mapped, resident } = files.get(path) ?? { mapped: 0, resident: 0 };
    const bytes = Number(kilobytes) * 1024;
    files.set(path, kind === 'Size' ? { mapped: mapped + bytes, resident } : { mapped, resident: resident + bytes });
  }
  return files;
}

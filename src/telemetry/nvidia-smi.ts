// Asks nvidia-smi, in a process of its own: its library may hang, and does not belong into ours.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const TIMEOUT_MS = 4000;

/** A query of https://docs.nvidia.com/deploy/nvidia-smi/ with its fields, such as `--query-gpu=index,memory.used`. */
export type Query = `--query-${'gpu' | 'compute-apps'}=${string}`;

/** Lines of fields, as CSV without units. @throws Error when there is no nvidia-smi, or no driver, or no answer in time. */
export async function askNvidiaSmi(query: Query): Promise<string> {
  const { stdout } = await promisify(execFile)('nvidia-smi', [query, '--format=csv,noheader,nounits'], {
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  return stdout;
}

/** The fields of each line that has so many of them; what else is printed is passed over. */
export function linesOf(csv: string, fields: number): string[][] {
  return csv
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((line) => line.length === fields);
}

/** Undefined where it does not say: `[N/A]`, `[Not Supported]`, `[Insufficient Permissions]`. */
export function numberOf(field = ''): number | undefined {
  return /^\d+(\.\d+)?$/.test(field) ? Number(field) : undefined;
}

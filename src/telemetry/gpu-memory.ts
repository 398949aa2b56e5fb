// What this process holds of the memory of GPUs, as nvidia-smi sees it.
import { askNvidiaSmi, linesOf, numberOf } from './nvidia-smi.js';

const MEBIBYTE = 1024 ** 2;

/**
 * In bytes, of all GPUs together. Undefined where there is no GPU, where this process does not compute on one, and where the driver
 * does not say: on shares of a GPU (MIG), and in containers in which it knows the process by another number, or tells of none.
 */
export async function gpuMemoryOfProcess(ask = askNvidiaSmi, pid = process.pid): Promise<number | undefined> {
  const csv = await ask('--query-compute-apps=pid,used_memory').catch(() => '');
  const own = linesOf(csv, 2).flatMap(([id, memory]) => (id === String(pid) ? (numberOf(memory) ?? []) : []));
  return own.length === 0 ? undefined : own.reduce((sum, mebibytes) => sum + mebibytes, 0) * MEBIBYTE;
}

// What a prepared model depends on beside the model: the version of ONNX Runtime, and what the processor can do.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';

/** The version of onnxruntime-node, from its package: the library itself is loaded in worker threads only. */
export function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return version;
}

/**
 * A text that is the same on processors with the same instruction sets: weights are laid out for them (MLAS chooses its kernels so).
 * @param cpuinfo of Linux; elsewhere the model of the processor stands for what it can do.
 */
export function processorFeatures(cpuinfo = readCpuinfo()): string {
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1];
  const features = flags?.split(/\s+/).sort().join(' ') ?? cpus()[0]?.model ?? '';
  return `${process.arch}-${createHash('sha256').update(features).digest('hex').slice(0, 16)}`;
}

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

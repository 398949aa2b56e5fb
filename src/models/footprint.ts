// What a model version is expected to take, before it is loaded: from the sizes of its files and the number of its instances.
import { basename, dirname } from 'node:path';
import type { InstancePlan } from '../runtime/instance-group.js';
import type { ContainedFile } from './folder-contents.js';
import type { MemoryMode } from './memory-mode.js';

/** In bytes. */
export interface Footprint {
  /** Weights that all instances map. */
  readonly mapped: number;
  /** What they have of their own, together. */
  readonly private: number;
}

/** What the size of a model depends on beside its weights. */
type Sized = Pick<InstancePlan, 'count' | 'wide' | 'prepared'>;

/** A thread with its JavaScript engine, its buffers and what ONNX Runtime keeps of a graph (measured: 8 to 12 MiB an instance). */
const INSTANCE_BYTES = 12 * 1024 * 1024;
/** Without a prepared file an instance holds the weights, and again what the kernels make of them. */
const UNPREPARED = 2;

/** Weights as other frameworks read them, and graphs beside the one that is served: a clone from a hub has several forms of one model. */
const OTHER_FORMS = /\.(onnx|safetensors|h5|ot|msgpack)$|^pytorch_model.*\.bin$/;

/** Bytes of a graph and of what may be its weights: whatever lies in its folder and is not of another form. */
export function bytesOfGraph(files: readonly ContainedFile[], modelPath: string): number {
  return files
    .filter(({ path }) => path === modelPath || (dirname(path) === dirname(modelPath) && !OTHER_FORMS.test(basename(path))))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @param weightBytes size of the files that hold the weights: the prepared ones where there are any. */
export function footprintOf({ count, wide, prepared }: Sized, weightBytes: number, memory: MemoryMode): Footprint {
  const instances = count + Number(wide);
  if (!prepared) return { mapped: 0, private: instances * (UNPREPARED * weightBytes + INSTANCE_BYTES) };
  return { mapped: weightBytes, private: instances * ((memory === 'speed' ? weightBytes : 0) + INSTANCE_BYTES) };
}

export function sumOf({ mapped, private: own }: Footprint): number {
  return mapped + own;
}

export function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}

// Where the memory went: the process, and each model with what its instances share and have of their own.
import { Injectable } from '@nestjs/common';
import { mappedFiles } from '../runtime/mapped-files.js';
import { gpuMemoryOfProcess } from '../telemetry/gpu-memory.js';
import { processMemory, type ProcessMemory } from '../telemetry/process-memory.js';
import { sumOf } from './footprint.js';
import { MemoryBudget } from './memory-budget.js';
import type { MemoryMode } from './memory-mode.js';
import type { Model } from './model.js';
import { ModelRegistry } from './model-registry.js';

/** All in bytes. */
export interface MemoryOverview {
  /** `gpu`: what it holds of the memory of GPUs, null where there is none, or nvidia-smi does not say. */
  readonly process: ProcessMemory & { readonly gpu: number | null };
  /** What the budget reckons with, and its limit where there is one. */
  readonly budget: { readonly taken: number; readonly limit: number | null };
  readonly models: readonly ModelOverview[];
}

export interface ModelOverview {
  readonly name: string;
  readonly version: string;
  readonly memory: MemoryMode;
  readonly instances: number;
  /** Of the file that they map: its mappings together, and its pages in RAM, each counted once. Zero where each has its own copy. */
  readonly weights: { readonly mapped: number; readonly resident: number };
  /** What the process grew by while it was loaded: weights and arenas of the instances. ONNX Runtime's binding does not tell them apart. */
  readonly private: number;
  /** What the budget reckons with. */
  readonly expected: number;
}

@Injectable()
export class MemoryReport {
  constructor(
    private readonly models: ModelRegistry,
    private readonly budget: MemoryBudget,
  ) {}

  async overview(): Promise<MemoryOverview> {
    const files = await mappedFiles();
    const models = this.models.all.map(({ name, version, memory, instances }: Model): ModelOverview => {
      const { mapped = 0, resident = 0 } = (memory.weightsPath === undefined ? undefined : files.get(memory.weightsPath)) ?? {};
      return {
        name,
        version,
        memory: memory.mode,
        instances: instances.alive.wanted,
        weights: { mapped, resident },
        private: memory.grown,
        expected: sumOf(memory.expected),
      };
    });
    // In turn: while nvidia-smi is started, its process has our pages too, until it is another program, and each would count half.
    const memory = await processMemory();
    const gpu = (await gpuMemoryOfProcess()) ?? null;
    return { process: { ...memory, gpu }, budget: { taken: this.budget.taken, limit: this.budget.limit ?? null }, models };
  }
}

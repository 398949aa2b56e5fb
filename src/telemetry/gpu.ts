// NVIDIA's GPUs, as nvidia-smi sees them: asked beside the event loop, never waited for, and not there where it is not.
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { gpuMemoryOfProcess } from './gpu-memory.js';
import { Metrics } from './metrics.js';
import { askNvidiaSmi, linesOf, numberOf } from './nvidia-smi.js';

/** `nvidia-smi --help-query-gpu`. */
const FIELDS = ['index', 'utilization.gpu', 'memory.used', 'memory.total', 'power.draw', 'temperature.gpu'];
const QUERY = `--query-gpu=${FIELDS.join()}` as const;
const EVERY_MS = 5000;
const MEBIBYTE = 1024 ** 2;

/** Undefined where the GPU does not say. */
export interface GpuReading {
  readonly index: string;
  /** 0 to 1. */
  readonly utilization: number | undefined;
  /** In bytes. */
  readonly memoryUsed: number | undefined;
  readonly memoryTotal: number | undefined;
  /** In watts. */
  readonly power: number | undefined;
  /** In degrees Celsius. */
  readonly temperature: number | undefined;
}

/** What `nvidia-smi` prints for our query; lines that are none of it are passed over. */
export function parseGpus(csv: string): GpuReading[] {
  return linesOf(csv, FIELDS.length).flatMap(([index = '', ...fields]) => {
    if (!/^\d{1,3}$/.test(index)) return [];
    const [utilization, memoryUsed, memoryTotal, power, temperature] = fields.map(numberOf);
    return {
      index,
      utilization: times(utilization, 0.01),
      memoryUsed: times(memoryUsed, MEBIBYTE),
      memoryTotal: times(memoryTotal, MEBIBYTE),
      power,
      temperature,
    };
  });
}

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

@Injectable()
export class GpuMonitor implements OnModuleInit, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly metrics: Metrics) {}

  onModuleInit(): void {
    void this.watch(askNvidiaSmi);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.#timer);
  }

  /** Without nvidia-smi there is no GPU, and nobody asks again. One that fails, or takes too long, may answer later: a driver that sleeps takes seconds to wake. */
  async watch(ask: typeof askNvidiaSmi): Promise<void> {
    const failure = await ask(QUERY).then(() => undefined, (thrown: unknown) => thrown as NodeJS.ErrnoException); // prettier-ignore
    if (failure?.code === 'ENOENT') return;
    await this.read(ask);
    const again = (): void => {
      this.#timer = setTimeout(() => void this.read(ask).then(again), EVERY_MS).unref();
    };
    again();
  }

  /** Sets the gauges to what there is; what is not known any more has no series. @returns whether there was an answer. */
  async read(ask: typeof askNvidiaSmi): Promise<boolean> {
    const { gpuUtilization, gpuMemoryUsed, gpuMemoryTotal, gpuPower, gpuTemperature, processMemory } = this.metrics;
    const csv = await ask(QUERY).catch(() => undefined);
    const readings = parseGpus(csv ?? '');
    const show = (gauge: typeof gpuPower, valueOf: (reading: GpuReading) => number | undefined): void => {
      gauge.reset();
      for (const reading of readings) {
        const value = valueOf(reading);
        if (value !== undefined) gauge.set({ gpu: reading.index }, value);
      }
    };
    show(gpuUtilization, ({ utilization }) => utilization);
    show(gpuMemoryUsed, ({ memoryUsed }) => memoryUsed);
    show(gpuMemoryTotal, ({ memoryTotal }) => memoryTotal);
    show(gpuPower, ({ power }) => power);
    show(gpuTemperature, ({ temperature }) => temperature);
    const own = csv === undefined ? undefined : await gpuMemoryOfProcess(ask);
    if (own === undefined) processMemory.remove({ kind: 'gpu' });
    else processMemory.set({ kind: 'gpu' }, own);
    return csv !== undefined;
  }
}

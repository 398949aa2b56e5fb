// The GPU as nvidia-smi prints it, and what becomes of it when it says less, or nothing.
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { GpuMonitor, parseGpus } from './gpu.js';
import { gpuMemoryOfProcess } from './gpu-memory.js';
import { Metrics } from './metrics.js';

// In the format of `nvidia-smi --query-gpu=index,utilization.gpu,memory.used,memory.total,power.draw,temperature.gpu
// --format=csv,noheader,nounits`: percent, MiB, MiB, W, degrees Celsius. The second is a card whose driver does not say everything.
const TWO = '0, 87, 12345, 81559, 412.37, 66\n1, [N/A], 512, 24576, [Not Supported], 41\n';

describe('parseGpus', () => {
  it('reads ratios, bytes, watts and degrees', () => {
    expect(parseGpus(TWO)).toEqual([
      { index: '0', utilization: 0.87, memoryUsed: 12345 * 2 ** 20, memoryTotal: 81559 * 2 ** 20, power: 412.37, temperature: 66 },
      { index: '1', utilization: undefined, memoryUsed: 512 * 2 ** 20, memoryTotal: 24576 * 2 ** 20, power: undefined, temperature: 41 },
    ]);
  });

  it.each([
    '',
    'No devices were found\n',
    'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.\n',
    'Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error\n',
    '0, 87, 12345\n',
  ])('sees no GPU in %j', (output) => {
    expect(parseGpus(output)).toEqual([]);
  });

  it('reads only numbers into gauges, whatever is printed', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\d.,\-eNA/[\] \n]{0,60}$/), (output) => {
        for (const reading of parseGpus(output)) {
          for (const value of Object.values(reading)) expect(value === undefined || typeof value === 'string' || value >= 0).toBe(true);
        }
      }),
    );
  });
});

describe('gpuMemoryOfProcess', () => {
  // In the format of `nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits`: process id, MiB; a line for each GPU.
  it.each([
    ['the sum over the GPUs that it computes on', '4711, 1024\n42, 300\n4711, 512\n', 1536 * 2 ** 20],
    ['undefined where others compute', '42, 300\n47110, 7\n', undefined],
    ['undefined where the driver does not say how much', '4711, [N/A]\n', undefined],
    ['undefined where nobody computes', '', undefined],
    ['undefined where there is no driver', 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.\n', undefined],
  ])('is %s', async (_, output, bytes) => {
    expect(await gpuMemoryOfProcess(() => Promise.resolve(output), 4711)).toBe(bytes);
  });

  it('is undefined where there is no nvidia-smi', async () => {
    expect(await gpuMemoryOfProcess(() => Promise.reject(new Error('ENOENT')))).toBeUndefined();
  });
});

describe('GpuMonitor', () => {
  it('shows what there is, and nothing that is not known any more', async () => {
    const registry = new Registry();
    const monitor = new GpuMonitor(new Metrics(registry));
    const gpu = async (): Promise<string[]> =>
      (await registry.metrics()).split('\n').filter((line) => /^nestor_gpu_|kind="gpu"/.test(line));
    expect(await gpu()).toEqual([]);
    expect(await monitor.read((query) => Promise.resolve(query.startsWith('--query-gpu') ? TWO : `${process.pid}, 1024\n`))).toBe(true);
    expect(await gpu()).toEqual([
      'nestor_process_memory_bytes{kind="gpu"} 1073741824',
      'nestor_gpu_utilization_ratio{gpu="0"} 0.87',
      'nestor_gpu_memory_used_bytes{gpu="0"} 12944670720',
      'nestor_gpu_memory_used_bytes{gpu="1"} 536870912',
      'nestor_gpu_memory_total_bytes{gpu="0"} 85520809984',
      'nestor_gpu_memory_total_bytes{gpu="1"} 25769803776',
      'nestor_gpu_power_watts{gpu="0"} 412.37',
      'nestor_gpu_temperature_celsius{gpu="0"} 66',
      'nestor_gpu_temperature_celsius{gpu="1"} 41',
    ]);
    expect(await monitor.read(() => Promise.reject(new Error('the driver is gone')))).toBe(false);
    expect(await gpu()).toEqual([]);
  });

  it.each([
    ['asks again an nvidia-smi that took too long', Object.assign(new Error('killed'), { killed: true }), true],
    ['does not where there is none', Object.assign(new Error('spawn nvidia-smi ENOENT'), { code: 'ENOENT' }), false],
  ])('%s', async (_, failure, goesOn) => {
    jest.useFakeTimers();
    const monitor = new GpuMonitor(new Metrics(new Registry()));
    let asked = 0;
    await monitor.watch(() => {
      asked += 1;
      return Promise.reject(failure);
    });
    const before = asked;
    await jest.advanceTimersByTimeAsync(5000);
    monitor.onApplicationShutdown();
    jest.useRealTimers();
    expect(asked > before).toBe(goesOn);
  });
});

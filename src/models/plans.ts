// Defaults where model.yaml is silent: how many instances, how large a batch, how long a queue.
import type { BatchingPolicy } from '../batching/batcher.js';
import type { InstancePlan } from '../runtime/instance-group.js';
import type { Manifest } from './manifest.js';

/**
 * Graphs from this size on run for milliseconds: more threads shorten a run, and the event loop should go before them. Below it threads
 * take longer to meet than to compute, and a worker that comes last holds everybody up (digits, 32 clients: p99 7 ms, with nice 5 14 ms).
 */
const LARGE_BYTES = 8 * 1024 * 1024;
const LARGE_NICENESS = 5;

export function instancePlan(manifest: Manifest, modelPath: string, modelBytes: number, cores: number): InstancePlan {
  const { provider = 'cpu', deviceId = 0, session = {}, ...runtime } = manifest.runtime ?? {};
  const onCpu = provider === 'cpu';
  const threads = Math.min(runtime.threads ?? 1, cores);
  const count = runtime.instances ?? (onCpu ? Math.max(1, Math.floor(cores / threads)) : 1);
  const large = modelBytes >= LARGE_BYTES;
  return {
    modelPath,
    provider,
    deviceId,
    entries: session,
    prepared: false,
    threads,
    count,
    wide: runtime.wide ?? (onCpu && cores > threads && large),
    niceness: onCpu && large ? LARGE_NICENESS : 0,
    // The hand-over takes 0.1 ms: it shows beside a run of 1 ms, not beside one of 15, where a batch that is settled early only makes
    // whoever comes meanwhile wait longer. A GPU must not idle even for that.
    aheadBelowSeconds: onCpu ? 0.002 : Infinity,
  };
}

/**
 * On the CPU a row of so many bytes fills a core by itself, and to copy it into a batch, and its outputs out, takes the event loop longer than
 * to hand it over: 1x3x224x224 floats through an identity, 4 clients, 390 requests a second in batches, 424 alone (two slow cores). On a GPU
 * batches are what it lives on.
 */
const ALONE_FROM_BYTES = 128 * 1024;

export function batchingPolicy(manifest: Manifest, onCpu: boolean): BatchingPolicy {
  const { maxRows, maxTokens, tolerance, maxDelayMs, segments = false } = manifest.batching ?? {};
  return {
    maxRows: maxRows ?? 64,
    maxTokens: maxTokens ?? (onCpu ? 512 : 16_384),
    tolerance: tolerance ?? 1.15,
    segments,
    maxDelayMs: maxDelayMs ?? 0,
    maxQueueItems: manifest.queue?.maxItems ?? 32_768,
    maxQueueTokens: manifest.queue?.maxTokens ?? 4_194_304,
    queueTimeoutMs: manifest.queue?.timeoutMs ?? Infinity,
    aloneFromBytes: onCpu && maxRows === undefined ? ALONE_FROM_BYTES : Infinity,
  };
}

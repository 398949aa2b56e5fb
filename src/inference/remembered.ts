// Cache and queue joined: what is not remembered and not in flight is computed, and everything is counted.
import type { CacheMode, CacheService, Recalled } from '../cache/cache.service.js';
import { KeyMaker, type Circumstances } from '../cache/key.js';
import type { Level } from '../cache/level.js';
import { TIERS, type TierName } from '../cache/options.js';
import {
  costOf as tokensOf,
  MOST_OUTPUT_BYTES,
  tooMuchOutput,
  USUAL_URGENCY,
  type Item,
  type JobOptions,
  type JobResult,
} from '../batching/item.js';
import type { CancellationSignal } from '../cancellation.js';
import { NestorError } from '../errors.js';
import type { Model } from '../models/model.js';
import type { InputPlace } from './input-room.js';
import { extentOf, toItems } from './items.js';
import type { Parts } from './levels.js';
import type { CacheReport, Call, Timings } from './prediction.js';
import { giveBack, type Cost, type Tenant } from '../tenants/tenant.js';
import type { TenantMetrics } from '../telemetry/tenant-metrics.js';
import { DATATYPES, elementCount, type Tensor } from '../tensor.js';
import type { Work } from './work.js';

const NOWHERE: ReadonlySet<TierName> = new Set();

/** What is asked of a model. */
export interface Plan<T> {
  readonly model: Model;
  readonly call: Call;
  /** Who asks, by the call. */
  readonly tenant: Tenant;
  /** Where what it holds is counted. */
  readonly place: InputPlace;
  readonly work: Work;
  /** Names of the outputs to compute. */
  readonly outputs: readonly string[];
  /** What the values depend on besides the model and the inputs. */
  readonly circumstances: Circumstances;
  /** What is kept of the outputs of the input at that place, where each travels in one part; all by default. */
  readonly keep?: (outputs: readonly Tensor[], place: number) => readonly Tensor[];
  /** A value from the outputs of an input, and its length in tokens. */
  readonly valueOf: (parts: Parts, length: number) => T;
  /** Rows that a value took. */
  readonly rowsOf: (value: T) => number;
}

export interface Answered<T> {
  /** One an input of the work, in order. */
  readonly values: readonly T[];
  readonly timings: Timings;
  /** Undefined where nothing is remembered. */
  readonly report: CacheReport | undefined;
}

export async function answered<T>(cache: CacheService, usage: TenantMetrics, level: Level<T>, plan: Plan<T>): Promise<Answered<T>> {
  const { model, call, work, tenant, place } = plan;
  const started = performance.now();
  const tiers = cache.enabled ? model.cache.outputs : NOWHERE;
  const { cache: mode = 'use', urgency = USUAL_URGENCY, signal, deadline } = call;
  const spent = { cache: 0, preprocess: 0, queue: 0, inference: 0 };
  const compute = async (places: readonly number[], jointly: CancellationSignal | undefined): Promise<T[]> => {
    const asked = performance.now();
    if (tiers.size > 0) spent.cache = (asked - started) / 1000;
    const { timeline } = call;
    // Admitted below, before it is paid for and after: the queue need not do it again.
    const keep = keepAt(plan.keep, places);
    const options = { deadline, urgency, signal: jointly, share: tenant, timeline, outputs: plan.outputs, keep, admitted: true };
    if (work.costly || work.cost) {
      const least = work.cost ?? { items: places.length, tokens: places.length };
      tenant.check(least);
      admit(model, least, options, asked);
      if (work.bytesEach) place.take(places.length * work.bytesEach);
    }
    // What was decoded here may be remembered, or shared with a request that was joined.
    const owned = call.ownsInput === true && !work.costly;
    const made = await work.tensors(places, { signal: jointly, deadline, cache: mode });
    // Before they are cut: a million rows of one token, 24 MB, would take the event loop for 4.5 s, and 1.5 GB. And before they are paid for.
    const whole = costOf(made.map((tensors) => extentOf(model, tensors)));
    admit(model, whole, options, asked);
    if (!plan.keep) checkOutputs(model, plan.outputs, whole);
    const items = made.map((tensors) => toItems(model, tensors, owned));
    spent.preprocess = (performance.now() - asked) / 1000;
    if (work.costly) model.metrics.preprocess(spent.preprocess);
    const queued = items.flat();
    const cost = costOf(queued);
    const readmit = (): void => {
      admit(model, cost, options, asked);
    };
    const result = await charged(tenant, cost, readmit, () => submit(model, queued, options, spent.preprocess));
    if (call.tenant !== undefined) usage.computed(tenant.label, model.name, cost.items, cost.tokens);
    spent.queue = result.queueSeconds;
    spent.inference = result.inferenceSeconds;
    let at = 0;
    return items.map((some) => plan.valueOf(result.outputs.slice(at, (at += some.length)), lengthOf(some)));
  };
  if (tiers.size === 0) {
    const values = await compute(places(work.size), signal);
    if (call.tenant !== undefined) usage.answered(tenant.label, model.name);
    return { values, timings: spent, report: undefined };
  }
  // Before they are keyed, and every tier is asked for a million of them.
  model.batcher.checkSize(work.size, work.size);
  const keys = mode === 'bypass' ? places(work.size).map(String) : await work.keys(makerOf(level, plan, cache.tenantOf(call.tenant)));
  const hold = (): (() => void) => {
    const release = model.usage.hold();
    place.hold();
    return () => {
      release();
      place.leave();
    };
  };
  const asked = { level, policy: model.cache, tiers, mode, urgency, signal, deadline, compute, hold, tenant: call.tenant };
  const recalled = await cache.recall(keys, asked);
  if (call.tenant !== undefined) usage.answered(tenant.label, model.name);
  const total = (performance.now() - started) / 1000;
  if (recalled.every(({ source }) => source !== 'computed')) spent.cache = total;
  return { values: recalled.map(({ value }) => value), timings: spent, report: account(plan, recalled, { ...spent, total }, mode) };
}

/**
 * Refuses what is known to be too much before it is computed: a token may have a thousand numbers. An axis that the signature leaves open counts
 * as 1 here; the job counts what comes.
 * @throws NestorError PAYLOAD_TOO_LARGE
 */
function checkOutputs({ signature, layout }: Model, names: readonly string[], { items, tokens }: { items: number; tokens: number }): void {
  let bytes = 0;
  for (const { name, datatype, shape } of signature.outputs.filter((output) => names.includes(output.name))) {
    const byToken = layout.paddedOutputs.has(name);
    const elements = elementCount(shape.slice(byToken ? 2 : 1).map((size) => Math.max(1, size)));
    bytes += (byToken ? tokens : items) * elements * DATATYPES[datatype].bytes;
  }
  if (bytes > MOST_OUTPUT_BYTES) throw tooMuchOutput(String(bytes));
}

function keepAt<T>(keep: Plan<T>['keep'], places: readonly number[]): JobOptions['keep'] {
  return keep && ((outputs, index) => keep(outputs, places[index] ?? 0));
}

/** Without a cache every input is one of its own, equal or not. */
function places(size: number): number[] {
  const all: number[] = [];
  for (let place = 0; place < size; place++) all.push(place);
  return all;
}

function makerOf<T>(level: Level<T>, { model, circumstances }: Plan<T>, tenant: string | undefined): KeyMaker {
  const { version, task, provider } = model;
  return new KeyMaker(model.cache.scope, level.name, { version, task, provider, tenant, ...circumstances });
}

function lengthOf(items: readonly Item[]): number {
  return items.reduce((sum, { length }) => sum + length, 0);
}

function costOf(items: readonly Pick<Item, 'rows' | 'length'>[]): { items: number; tokens: number } {
  return {
    items: items.reduce((sum, { rows }) => sum + rows, 0),
    tokens: items.reduce((sum, item) => sum + tokensOf(item), 0),
  };
}

/** Refuses what the queue would not take, and counts that. @param asked since when it is worked on. */
function admit({ batcher, metrics }: Model, { items, tokens }: ReturnType<typeof costOf>, options: JobOptions, asked: number): void {
  try {
    batcher.admit(items, tokens, options);
  } catch (thrown) {
    metrics.statistics.failed((performance.now() - asked) / 1000);
    throw thrown;
  }
}

/**
 * Does what the tenant has to pay for; what is not queued costs nothing, nor what no worker was left for.
 * @param readmit throws what the queue refuses by now: it may have taken time to pay.
 */
async function charged<R>(tenant: Tenant, cost: Cost, readmit: () => void, work: () => Promise<R>): Promise<R> {
  const charge = tenant.charge(cost);
  const receipt = charge instanceof Promise ? await charge : charge;
  let queued = false;
  try {
    readmit();
    queued = true;
    return await work();
  } catch (thrown) {
    if (!queued || (thrown instanceof NestorError && thrown.code === 'MODEL_NOT_READY')) giveBack(receipt);
    throw thrown;
  }
}

/** Queues and runs; counted whatever comes of it. */
async function submit(model: Model, items: readonly Item[], options: JobOptions, preprocess: number): Promise<JobResult> {
  const { statistics } = model.metrics;
  const started = performance.now();
  const total = (): number => preprocess + (performance.now() - started) / 1000;
  try {
    const result = await model.batcher.submit(items, options);
    statistics.answered({ total: total(), queue: result.queueSeconds, preprocess, inference: result.inferenceSeconds });
    return result;
  } catch (thrown) {
    statistics.failed(total());
    throw thrown;
  }
}

function account<T>(
  { model: { metrics }, rowsOf }: Plan<T>,
  recalled: readonly Recalled<T>[],
  spent: Timings & { readonly total: number },
  mode: CacheMode,
): CacheReport {
  const sources = new Set(recalled.map(({ source }) => source));
  const tier = TIERS.findLast((name) => sources.has(name));
  const rows = recalled.reduce((sum, { value }) => sum + rowsOf(value), 0);
  const computed = sources.has('computed');
  const coalesced = recalled.filter(({ source }) => source === 'coalesced').length;
  if (mode !== 'bypass') {
    if (computed) metrics.statistics.missed(spent.cache);
    else metrics.statistics.remembered(spent.total);
    if (coalesced > 0) metrics.coalesced(coalesced);
    if (sources.size > 1 || !computed)
      metrics.saved(recalled.reduce((sum, { value, source }) => (source === 'computed' ? sum : sum + rowsOf(value)), 0));
  }
  if (!computed) return { result: coalesced > 0 ? 'coalesced' : 'hit', tier, rows, mode };
  return { result: sources.size > 1 ? 'partial' : 'miss', tier, rows, mode };
}

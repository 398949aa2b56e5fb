// Who runs where: a lone batch on all cores, a queue on one each, and over all groups never more than there are.
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Tensor } from '../tensor.js';
import { CoreBudget } from './core-budget.js';
import { InstanceGroup, type InstancePlan } from './instance-group.js';
import type { Instance } from './instance.js';

/** A thread that keeps the protocol without a model: it echoes, or dies when told to. */
const ECHO = `
import { parentPort } from 'node:worker_threads';
parentPort.on('message', (request) => {
  if (request === 'end') return parentPort.close();
  if (request.modelPath === 'broken') throw new Error('no such model');
  if ('modelPath' in request) return parentPort.postMessage({ kind: 'ready', inputs: [], outputs: [] });
  const { id, feeds } = request;
  if (feeds.die) process.exit(1);
  parentPort.postMessage({ kind: 'result', id, outputs: {}, seconds: feeds.long ? 1 : 0 });
});
`;
const echoUrl = new URL(`data:text/javascript,${encodeURIComponent(ECHO)}`);
const PLAN: InstancePlan = {
  modelPath: 'model.onnx',
  provider: 'cpu',
  deviceId: 0,
  entries: {},
  prepared: false,
  count: 2,
  threads: 1,
  wide: true,
  aheadBelowSeconds: Infinity,
  niceness: 0,
};
const die = (): Tensor => ({ name: 'die', datatype: 'BOOL', shape: [1], data: Uint8Array.of(1) });
const open: InstanceGroup[] = [];

/** Pulls `waiting` batches through a group, as a batcher does, and notes which instances run. */
class Puller {
  readonly group: InstanceGroup;
  readonly #seen = new Set<Instance>();
  onSeat: () => void = () => undefined;
  ran = 0;
  readonly onLost = jest.fn<(reason: string) => void>();

  constructor(
    cores: CoreBudget,
    plan: Partial<InstancePlan> = {},
    public waiting = 0,
  ) {
    const onFree = () => {
      this.pump();
    };
    this.group = new InstanceGroup({ ...PLAN, ...plan }, () => new Worker(echoUrl), cores, {
      onFree,
      onLost: this.onLost,
      onFailing: () => undefined,
      onUnfit: () => undefined,
    });
    open.push(this.group);
  }

  static async start(cores: CoreBudget, plan: Partial<InstancePlan> = {}): Promise<Puller> {
    const puller = new Puller(cores, plan);
    await puller.group.start();
    return puller;
  }

  /** Threads that run something. */
  get busy(): number {
    return [...this.#seen].reduce((sum, { runs, threads }) => sum + (runs > 0 ? threads : 0), 0);
  }

  pump(): void {
    while (this.waiting > 0) {
      const instance = this.group.seat(this.waiting === 1);
      if (!instance) break;
      this.waiting -= 1;
      void this.run(instance);
    }
  }

  async run(instance: Instance, ...inputs: Tensor[]): Promise<void> {
    this.#seen.add(instance);
    const run = this.group.run(instance, inputs, []);
    this.onSeat();
    await run.catch(() => undefined);
    this.ran += 1;
  }

  async finish(batches: number): Promise<void> {
    this.waiting += batches;
    this.pump();
    while (this.ran < batches) await nextTurn();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((group) => group.close()));
});

describe('InstanceGroup', () => {
  it('gives a lone batch all cores, and nothing else beside it', async () => {
    const { group } = await Puller.start(new CoreBudget(2));
    const wide = group.seat(true);
    expect(wide?.threads).toBe(2);
    const run = wide && group.run(wide, [], []);
    expect([group.seat(true), group.seat(false)]).toEqual([undefined, undefined]);
    await run;
    expect(group.seat(false)?.threads).toBe(1);
  });

  it('gives the batches of a queue an instance each, then one prepared ahead for each', async () => {
    const cores = new CoreBudget(2);
    const { group } = await Puller.start(cores);
    const seated: Instance[] = [];
    const runs: Promise<unknown>[] = [];
    for (let instance = group.seat(false); instance; instance = group.seat(false)) {
      seated.push(instance);
      runs.push(group.run(instance, [], []));
    }
    expect(seated).toHaveLength(4);
    expect(new Set(seated.slice(0, 2)).size).toBe(2);
    expect(seated.map(({ threads, runs: held }) => [threads, held])).toEqual(new Array(4).fill([1, 2]));
    expect(cores.tryTake(1)).toBe(false);
    await Promise.all(runs);
    expect(group.idle).toBe(true);
    expect(cores.tryTake(2)).toBe(true);
  });

  it('prepares nothing ahead where runs are long', async () => {
    const { group } = await Puller.start(new CoreBudget(2), { aheadBelowSeconds: 0.01 });
    const first = group.seat(false);
    if (first) await group.run(first, [{ ...die(), name: 'long' }], []);
    const runs: Promise<unknown>[] = [];
    for (let instance = group.seat(false); instance; instance = group.seat(false)) runs.push(group.run(instance, [], []));
    expect(runs).toHaveLength(2);
    await Promise.all(runs);
  });

  it('sends a lone batch to a single instance where another is running already', async () => {
    const { group } = await Puller.start(new CoreBudget(2));
    const first = group.seat(false);
    const run = first && group.run(first, [], []);
    expect(group.seat(true)?.threads).toBe(1);
    await run;
  });

  it('serves a group that waits as soon as the other frees a core, and meanwhile prepares nothing ahead', async () => {
    const cores = new CoreBudget(2);
    const [greedy, late] = [await Puller.start(cores), await Puller.start(cores)];
    greedy.waiting = 2;
    greedy.pump();
    late.waiting = 1;
    late.pump();
    expect([greedy.waiting, late.waiting]).toEqual([0, 1]);
    greedy.waiting = 50;
    greedy.pump();
    expect(greedy.waiting).toBe(50);
    let before = Infinity;
    late.onSeat = () => (before = greedy.ran);
    while (late.ran === 0) await nextTurn();
    expect(before).toBeLessThanOrEqual(2);
    while (greedy.ran < 52) await nextTurn();
  });

  it('passes cores on that it waited for in vain', async () => {
    const cores = new CoreBudget(2);
    const [holder, waiter] = [await Puller.start(cores), await Puller.start(cores)];
    const wide = holder.group.seat(true);
    waiter.waiting = 1;
    waiter.pump();
    expect(cores.contended).toBe(true);
    waiter.waiting = 0;
    if (wide) await holder.run(wide);
    expect([cores.contended, cores.tryTake(2)]).toEqual([false, true]);
  });

  it('never keeps more threads busy than there are cores, and starves no group', async () => {
    const cores = new CoreBudget(3);
    const pullers = [
      await Puller.start(cores, { count: 3 }),
      await Puller.start(cores, { count: 1, threads: 2, wide: false }),
      await Puller.start(cores, { count: 2, aheadBelowSeconds: 0 }),
    ];
    let most = 0;
    const onSeat = () => {
      most = Math.max(
        most,
        pullers.reduce((sum, { busy }) => sum + busy, 0),
      );
    };
    for (const puller of pullers) puller.onSeat = onSeat;
    await Promise.all(pullers.map((puller) => puller.finish(300)));
    expect(most).toBe(3);
    expect(cores.tryTake(3)).toBe(true);
  });

  it('frees the cores of an instance that dies, and goes on with the others', async () => {
    const cores = new CoreBudget(2);
    const puller = await Puller.start(cores, { wide: false });
    const instance = puller.group.seat(false);
    if (instance) await puller.run(instance, die());
    expect(puller.onLost).toHaveBeenCalledTimes(1);
    expect(puller.group.alive).toEqual({ ready: 1, wanted: 2 });
    expect([puller.group.hopeful, cores.tryTake(2)]).toEqual([true, true]);
    cores.give(2);
    expect(puller.group.seat(false)).not.toBe(instance);
  });

  it('offers the queue an instance that has come back', async () => {
    const puller = await Puller.start(new CoreBudget(1), { count: 1, wide: false });
    const instance = puller.group.seat(false);
    if (instance) await puller.run(instance, die());
    puller.waiting = 1;
    puller.pump();
    expect([puller.waiting, puller.group.alive.ready, puller.group.hopeful]).toEqual([1, 0, true]);
    while (puller.waiting > 0) await nextTurn();
    expect(puller.group.alive.ready).toBe(1);
  });

  it('serves a queue on all cores while no other thread of it lives, and waits for them if need be', async () => {
    const cores = new CoreBudget(2);
    const puller = await Puller.start(cores, { count: 1 });
    const shared = puller.group.seat(false);
    if (shared) await puller.run(shared, die());
    cores.tryTake(1);
    puller.waiting = 2;
    puller.pump();
    expect([puller.waiting, cores.contended]).toEqual([2, true]);
    cores.give(1);
    expect([puller.waiting, puller.busy]).toEqual([1, 2]);
    while (puller.ran < 3) await nextTurn();
    expect([puller.group.idle, cores.tryTake(2)]).toEqual([true, true]);
  });

  it('cannot start a model that does not load, and says why', async () => {
    await expect(new Puller(new CoreBudget(2), { modelPath: 'broken' }).group.start()).rejects.toThrow('no such model');
  });
});

// npm run bench:behaviour: what Nestor does under pressure, as bars that it clears or misses.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clears, describeBar, type Bar } from './bars.ts';
import { disconnect } from './behaviour/disconnect.ts';
import { flood } from './behaviour/flood.ts';
import { overload, overloadInTime } from './behaviour/overload.ts';
import { hostile } from './behaviour/hostile.ts';
import { outage } from './behaviour/outage.ts';
import type { Outcome, Scenario } from './behaviour/scenario.ts';
import { tenants } from './behaviour/tenants.ts';
import { choose } from './options.ts';
import { WORK } from './paths.ts';
import { repositoryWithQueue } from './repository.ts';
import { describeMachine } from './report/machine.ts';
import { writeSection } from './report/page.ts';
import { markdown } from './report/table.ts';
import { SERVERS } from './servers.ts';
import { startServer } from './server-process.ts';
import { readTexts } from './texts.ts';

const SCENARIOS: readonly Scenario[] = [flood, overload, overloadInTime, disconnect, outage, tenants, hostile];

async function measure(scenario: Scenario, texts: readonly string[], seconds: number): Promise<Outcome> {
  const [nestor] = choose('server', ['nestor'], SERVERS);
  if (!nestor) throw new Error('servers.ts has no Nestor; this is a bug');
  const limited: Record<string, string> = scenario.queue ? { MODEL_REPOSITORY: repositoryWithQueue(scenario.queue) } : {};
  const environment = { ...scenario.environment, ...limited };
  const target = await startServer(nestor, scenario.name, environment);
  try {
    return await scenario.run({ url: target.url, texts, seconds });
  } catch (error) {
    // One scenario that cannot end must not hide what the others say.
    console.error(error);
    return { bars: [{ promise: 'the scenario ran to its end', value: 0, atLeast: 1 }], figures: {} };
  } finally {
    await target.stop();
  }
}

function row(title: string, bar: Bar): string[] {
  const wanted = bar.atLeast === undefined ? `<= ${bar.atMost}` : `>= ${bar.atLeast}`;
  return [title, bar.promise, String(Number(bar.value.toFixed(2))), wanted];
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, seconds: { type: 'string', default: '10' } } });
  const scenarios = choose('scenario', values.only.split(',').filter(Boolean), SCENARIOS);
  const texts = readTexts();
  const outcomes: (Outcome & { title: string })[] = [];
  for (const scenario of scenarios) {
    console.log(`\n${scenario.title}`);
    const outcome = await measure(scenario, texts, Number(values.seconds));
    for (const bar of outcome.bars) console.log(describeBar(bar));
    console.log(outcome.figures);
    outcomes.push({ title: scenario.title, ...outcome });
  }
  mkdirSync(WORK, { recursive: true });
  writeFileSync(join(WORK, 'behaviour.json'), JSON.stringify({ machine: describeMachine(), outcomes }, null, 1));
  const rows = outcomes.flatMap(({ title, bars }) => bars.map((bar) => row(title, bar)));
  if (values.only === '')
    writeSection('behaviour', `## Under pressure\n\n${describeMachine()}.\n\n${markdown(['what', 'figure', 'is', 'should be'], rows)}`);
  return outcomes.every(({ bars }) => bars.every(clears)) ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

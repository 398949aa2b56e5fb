// npm run bench:formats: one tensor in every format, beside FastAPI's bytes and JSON.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clears, describeBar, type Bar } from './bars.ts';
import { Results, type Figures } from './cell.ts';
import { FORMS, type Form } from './formats/forms.ts';
import { picture, writeModel } from './formats/tensor.ts';
import { installFamilies, installWrk } from './install.ts';
import { wrkOneBody } from './load/wrk.ts';
import { choose } from './options.ts';
import { WORK } from './paths.ts';
import { isBusy } from './quiet.ts';
import { describeMachine } from './report/machine.ts';
import { writeSection } from './report/page.ts';
import { markdown, number, ratio } from './report/table.ts';
import { fastapiTensors, SERVERS, type Server } from './servers.ts';
import { startServer, type RunningServer } from './server-process.ts';

const CLIENTS = 4;
const CELL = 'tensor';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly forms: readonly Form[];
}

/** Not before the answer is what was sent, bit for bit. */
async function measure(form: Form, target: RunningServer, seconds: number): Promise<Figures> {
  const values = picture();
  const body = form.body(values);
  const url = target.url + form.path;
  const answer = await fetch(url, { method: 'POST', headers: form.headers, body: new Uint8Array(body) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`${form.name} is answered ${answer.status}: ${bytes.toString().slice(0, 300)}`);
  const same = Buffer.from(new Uint8Array(form.read(bytes, answer.headers).buffer)).equals(Buffer.from(values.buffer));
  if (!same) throw new Error(`${form.name} is answered with other bits than were sent`);
  const file = join(WORK, `${form.name}.body`);
  writeFileSync(file, body);
  const load = { url, body: file, headers: form.headers, clients: CLIENTS };
  await wrkOneBody({ ...load, seconds: 1 });
  const before = target.cpuSeconds();
  const figures = await wrkOneBody({ ...load, seconds });
  const cpuMs = ((target.cpuSeconds() - before) * 1000) / figures.answered;
  return { ...figures, cpuMs, memoryMiB: target.memoryMiB(), bodyKb: body.byteLength / 1000 };
}

async function run({ rounds, seconds, forms }: Options, results: Results): Promise<number> {
  const { repository, model } = writeModel();
  const [nestor] = choose('server', ['nestor'], SERVERS);
  if (!nestor) throw new Error('servers.ts has no Nestor; this is a bug');
  const servers: readonly Server[] = [nestor, fastapiTensors(model)];
  let disturbed = 0;
  for (let round = 0; round < rounds; round++) {
    // Each round in another order, so that none is always the first on a machine at rest; each form in a process of its own, whose
    // allocator has not seen the others: FastAPI's raw bytes are 2.7 times as fast in a process that has served its JSON before.
    for (const form of round % 2 === 0 ? forms : forms.toReversed()) {
      const server = servers.find(({ name }) => name === form.server) ?? nestor;
      if (await isBusy()) disturbed += 1;
      const target = await startServer(server, `formats-${form.name}-${round}`, { MODEL_REPOSITORY: repository });
      try {
        const figures = await measure(form, target, seconds);
        results.add({ turn: round, server: form.name, cell: CELL, figures });
        const shown = ['requestsPerSecond', 'cpuMs', 'errors'].map((name) => `${name} ${(figures[name] ?? NaN).toFixed(2)}`);
        console.log(`round ${round + 1} ${form.name}  ${shown.join('  ')}`);
      } finally {
        await target.stop();
      }
    }
  }
  return disturbed;
}

function bars(results: Results): Bar[] {
  const rate = (form: string): number => results.median(form, CELL, 'requestsPerSecond');
  const all: Bar[] = [
    { promise: "octet-stream: x FastAPI's raw bytes", value: rate('octet-stream') / rate('fastapi-raw'), atLeast: 1 },
    { promise: "octet-stream: x FastAPI's JSON", value: rate('octet-stream') / rate('fastapi-json'), atLeast: 40 },
    { promise: "JSON: x FastAPI's JSON", value: rate('json') / rate('fastapi-json'), atLeast: 2 },
    { promise: 'MsgPack: of octet-stream', value: rate('msgpack') / rate('octet-stream'), atLeast: 0.8 },
    { promise: 'Protobuf: of octet-stream', value: rate('protobuf') / rate('octet-stream'), atLeast: 0.8 },
  ];
  return all.filter(({ value }) => Number.isFinite(value));
}

function table(results: Results, forms: readonly Form[]): string {
  const median = (form: string, figure: string): number => results.median(form, CELL, figure);
  const rows = forms.map(({ name, label }) => {
    const rate = results.of(name, CELL, 'requestsPerSecond');
    return [
      label,
      rate ? `${number(rate.median)} (${number(rate.min)} - ${number(rate.max)})` : '',
      ratio(median(name, 'requestsPerSecond') / median('fastapi-raw', 'requestsPerSecond')),
      ratio(median(name, 'requestsPerSecond') / median('fastapi-json', 'requestsPerSecond')),
      ...['cpuMs', 'p50Ms', 'p99Ms', 'memoryMiB', 'bodyKb'].map((figure) => number(median(name, figure))),
    ];
  });
  const header = [
    'format',
    'req/s (min - max)',
    'x raw',
    'x pydantic',
    'server CPU a request, ms',
    'p50, ms',
    'p99, ms',
    'memory, MiB',
    'body, kB',
  ];
  return markdown(header, rows);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      'skip-install': { type: 'boolean', default: false },
    },
  });
  const missing =
    installWrk(values['skip-install']) ||
    [...installFamilies(new Set<Server['family']>(['nestor', 'fastapi']), values['skip-install']).values()].join('; ');
  if (missing) {
    console.log(`SKIPPED: ${missing}`);
    return 1;
  }
  mkdirSync(WORK, { recursive: true });
  const forms = choose('format', values.only.split(',').filter(Boolean), FORMS);
  const results = new Results();
  const disturbed = await run({ rounds: Number(values.rounds), seconds: Number(values.seconds), forms }, results);
  writeFileSync(join(WORK, 'formats.json'), JSON.stringify({ machine: describeMachine(), samples: results.samples }, null, 1));
  const reached = bars(results);
  const text = table(results, forms);
  console.log(`\n${text}`);
  for (const bar of reached) console.log(describeBar(bar));
  const method = `One FP32 tensor of 1 x 3 x 224 x 224 through an identity model, ${CLIENTS} clients. Medians of ${values.rounds} rounds of ${values.seconds} s. ${describeMachine()}.`;
  const warning =
    disturbed > 0 ? `\n\nNot to be trusted: ${disturbed} servers were started while something else was at work on the machine.` : '';
  if (values.only === '')
    writeSection(
      'formats',
      `## Formats\n\n${method}${warning}\n\n${text}\n${reached.map((bar) => `- ${bar.promise}: ${bar.value.toFixed(2)}, should be ${bar.atLeast} at least`).join('\n')}`,
    );
  return reached.every(clears) ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

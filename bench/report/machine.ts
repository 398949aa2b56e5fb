// On what a run was measured.
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { PEERS, ROOT } from '../paths.ts';

const SHOWN = ['onnxruntime', 'fastapi', 'uvicorn', 'litserve', 'bentoml'];

/** One line: date, processor, versions. */
export function describeMachine(): string {
  const pins = readFileSync(join(PEERS, 'requirements.txt'), 'utf8').split('\n');
  const peers = SHOWN.flatMap((name) => pins.find((line) => line.startsWith(`${name}==`))?.replace('==', ' ') ?? []);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8')) as {
    version: string;
  };
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const hardware = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory}, no GPU used`;
  const today = new Date().toISOString().slice(0, 10);
  return `${today}, ${hardware}; Node ${process.versions.node}, onnxruntime-node ${version}; ${peers.join(', ')}`;
}

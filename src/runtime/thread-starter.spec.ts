// Threads take denormals for zero, in a process of its own: ONNX Runtime sets the flag with the first session of a process, which others here make.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { doublingModel } from '../../test/soak/identity-model.js';
import { starterUrl } from './worker-threads.js';

/** Doubles a denormal in one thread after the other. */
const SCRIPT = `
import { on } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
const [starterUrl, modelPath] = process.argv.slice(2);
const starter = new Worker(new URL(starterUrl));
for (const id of [1, 2]) {
  const { port1, port2 } = new MessageChannel();
  starter.postMessage({ id, port: port2 }, [port2]);
  port1.postMessage({ modelPath, sessionOptions: {}, niceness: 0 });
  port1.postMessage({ id, feeds: { x: { type: 'float32', data: Float32Array.of(1e-39), dims: [1] } }, fetches: ['y'] });
  for await (const [{ kind, outputs, reason }] of on(port1, 'message')) {
    if (kind === 'ready') continue;
    console.log(outputs ? outputs.y.data[0] : reason);
    break;
  }
  port1.postMessage('end');
  port1.close();
}
starter.postMessage('end');
`;

(process.platform === 'linux' && process.arch === 'x64' ? it : it.skip)('takes denormals for zero, and so does the next', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nestor-'));
  try {
    const [script, modelPath] = [join(folder, 'script.mjs'), join(folder, 'doubling.onnx')];
    await Promise.all([writeFile(script, SCRIPT), writeFile(modelPath, doublingModel())]);
    const { stdout } = await promisify(execFile)(process.execPath, [script, starterUrl().href, modelPath]);
    expect(stdout).toBe('0\n0\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});

// The thread that starts the worker threads, so that they compute as it does: with denormals taken for zero.
//
// What a mask hides leaves the softmax of ONNX Runtime's CPU kernels as a denormal and not as zero, and an Intel core takes an assist of its
// microcode for each that is multiplied: on a Xeon of 2.8 GHz batches of mixed texts took 250 us a token with it and 303 without.
// ONNX Runtime sets the processor's flag on the threads of its pools and on the one thread that makes the first session of a process, though
// on no other that calls it (inference_session.cc, set_denormal_as_zero). A thread inherits the flag of the one that starts it (POSIX,
// pthread_create). Elsewhere than on Linux and x86 it was not tried.
import { parentPort, Worker } from 'node:worker_threads';
import type { StarterReply, StarterRequest } from './messages.js';

const port = parentPort;
if (!port) throw new Error('thread-starter.ts runs in a worker thread only; this is a bug');

/** A number, and the operator Identity. */
const SMALLEST_MODEL = 'CAhCAhAROjcKEAoBeBIBeSIISWRlbnRpdHkSAWdaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggB';
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

async function takeDenormalsForZero(): Promise<void> {
  try {
    const { InferenceSession } = await import('onnxruntime-node');
    await InferenceSession.create(Buffer.from(SMALLEST_MODEL, 'base64'), {
      extra: { session: { set_denormal_as_zero: '1' } },
      logSeverityLevel: 4,
    });
  } catch {
    // Where the library cannot be loaded, the threads say so that need it.
  }
}

function reply(message: StarterReply): void {
  port?.postMessage(message);
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function start({ id, port: its }: Exclude<StarterRequest, 'end'>): void {
  try {
    const worker = new Worker(WORKER, { workerData: its, transferList: [its] });
    worker.on('error', (error: unknown) => {
      reply({ kind: 'failed', id, reason: reasonOf(error) });
    });
    worker.on('exit', (code) => {
      reply({ kind: 'ended', id, code });
    });
  } catch (thrown) {
    reply({ kind: 'failed', id, reason: reasonOf(thrown) });
    reply({ kind: 'ended', id, code: 1 });
  }
}

const ready = takeDenormalsForZero();
port.on('message', (request: StarterRequest) => {
  void ready.then(() => {
    if (request === 'end') port.close();
    else start(request);
  });
});

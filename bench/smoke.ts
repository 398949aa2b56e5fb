// The verdict of the short run: the order of two servers, never their times.
import type { Results } from './cell.ts';

const PEER = 'fastapi-threadpool-1';
const CELL = 'embed-32';
/** Below this, two runs of the same server differ on a shared machine. */
const LEAST_NOISE = 0.05;

/** Whether Nestor is not slower than the peer by more than the rounds of either differ. */
export function keepsOrder(results: Results): boolean {
  const nestor = results.of('nestor', CELL, 'requestsPerSecond');
  const peer = results.of(PEER, CELL, 'requestsPerSecond');
  if (!nestor || !peer) throw new Error('The smoke run needs figures of both servers; what was skipped is above');
  const noise = Math.max(LEAST_NOISE * peer.median, (nestor.max - nestor.min) / 2, (peer.max - peer.min) / 2);
  const ok = nestor.median >= peer.median - noise;
  console.log(
    `${ok ? 'ok' : 'FAILED'}: Nestor ${nestor.median.toFixed(0)} req/s, ${PEER} ${peer.median.toFixed(0)}, noise ${noise.toFixed(0)}`,
  );
  return ok;
}

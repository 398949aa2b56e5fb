// 500 slow clients, bodies without an end, 100 MB of headers and answers that nobody reads; single requests beside them stay quick.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { nth } from '../cycle.ts';
import { closedLoop, forSeconds } from '../load/closed.ts';
import { postJson } from '../load/http.ts';
import { percentile } from '../report/statistics.ts';
import { embeddingBody } from '../texts.ts';
import type { Scenario } from './scenario.ts';

const SLOW = 500;
const ENDLESS = 100;
const MIB = 1024 * 1024;
/** Seconds after which the server ends a slow client here, so that many are ended, and come back, within a measurement. */
const PATIENCE = '2';
const DRIP_EVERY_MS = 500;

const REQUEST = 'POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

export const hostile: Scenario = {
  name: 'hostile',
  title: `${SLOW} slow clients, ${ENDLESS} bodies without an end, 100 MB of headers, answers that are not read`,
  environment: { HEADERS_TIMEOUT_SECONDS: PATIENCE, SLOW_CLIENT_SECONDS: PATIENCE },
  async run({ url, texts, seconds }) {
    const one = (index: number) => postJson(`${url}/v1/embeddings`, embeddingBody(nth(texts, index)));
    await closedLoop(1, one, forSeconds(2));
    const idle = await closedLoop(1, one, forSeconds(seconds));

    const attack = new Attack(url);
    const beside = await closedLoop(1, one, forSeconds(seconds));
    const ended = attack.stop();

    const after = await closedLoop(1, one, forSeconds(seconds));
    const [idleP99, besideP99, afterP99] = [idle, beside, after].map((times) => percentile(times, 99)) as [number, number, number];
    return {
      bars: [
        { promise: 'single requests beside it: p99 x their idle one', value: besideP99 / idleP99, atMost: 2 },
        { promise: 'single requests after it: p99 x their idle one', value: afterP99 / idleP99, atMost: 1.5 },
        { promise: 'slow clients that were ended', value: ended, atLeast: SLOW },
      ],
      figures: { idleP99Ms: idleP99, besideP99Ms: besideP99, afterP99Ms: afterP99, besideRequests: beside.length, ended },
    };
  },
};

/** All of them at once; who is ended comes back. */
class Attack {
  readonly #sockets = new Set<Socket>();
  readonly #url: string;
  readonly #deaf: Socket[] = [];
  readonly #drip: NodeJS.Timeout;
  #on = true;
  #ended = 0;

  constructor(url: string) {
    this.#url = url;
    for (let index = 0; index < SLOW; index++) this.#open(`${REQUEST}X-Slow: `);
    for (let index = 0; index < ENDLESS; index++) this.#open(`${REQUEST}Content-Length: 1000000\r\n\r\n{`);
    this.#drip = setInterval(() => {
      for (const socket of this.#sockets) if (socket.writable) socket.write('a');
    }, DRIP_EVERY_MS);
    void this.#floodHeaders();
    void this.#ignoreAnswers();
  }

  /** @returns how many connections the server has ended. */
  stop(): number {
    this.#on = false;
    clearInterval(this.#drip);
    for (const socket of [...this.#sockets, ...this.#deaf]) socket.destroy();
    return this.#ended;
  }

  #open(bytes: string): void {
    const socket = this.#connect();
    socket.write(bytes);
    this.#sockets.add(socket);
    socket.resume().once('close', () => {
      this.#sockets.delete(socket);
      if (!this.#on) return;
      this.#ended++;
      this.#open(bytes);
    });
  }

  #connect(): Socket {
    const { hostname, port } = new URL(this.#url);
    return connect(Number(port), hostname).on('error', () => undefined);
  }

  async #floodHeaders(): Promise<void> {
    const piece = Buffer.alloc(MIB, 'a');
    while (this.#on) {
      const socket = this.#connect();
      socket.resume().write(`${REQUEST}X-Large: `);
      for (let sent = 0; sent < 100 && socket.writable; sent++) socket.write(piece);
      await sleep(1000);
      socket.destroy();
    }
  }

  /** Asks for a file of a megabyte or more, again and again, and reads none. */
  async #ignoreAnswers(): Promise<void> {
    while (this.#on) {
      const socket = this.#connect().pause();
      this.#deaf.push(socket);
      socket.write('GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5));
      await sleep(1000);
    }
  }
}

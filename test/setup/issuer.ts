// An issuer of JWTs, a process of its own: `node test/setup/issuer.ts` prints its address, publishes its keys and signs what it is told to.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

interface Signer {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly key: CryptoKey;
  readonly published: JWK;
}

/** `POST /sign`: claims as they are, and how to sign them. */
interface Order {
  readonly claims: JWTPayload;
  readonly alg?: Algorithm;
}

let generation = 0;
let fetched = 0;
let signers = await newSigners();

async function newSigners(): Promise<Signer[]> {
  generation++;
  return Promise.all(
    ALGORITHMS.map(async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      const kid = `${alg}-${generation}`;
      return { alg, kid, key: privateKey, published: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
    }),
  );
}

async function answer(request: IncomingMessage): Promise<unknown> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /keys':
      fetched++;
      return { keys: signers.map(({ published }) => published) };
    case 'GET /fetched':
      return fetched;
    case 'POST /sign': {
      const { claims, alg = 'RS256' } = (await json(request)) as Order;
      const signer = signers.find((candidate) => candidate.alg === alg);
      if (!signer) throw new Error(`no signer for ${alg}`);
      return new SignJWT(claims).setProtectedHeader({ alg, kid: signer.kid, typ: 'JWT' }).sign(signer.key);
    }
    // The old keys are gone at once: what they signed is worth nothing.
    case 'POST /rotate':
      signers = await newSigners();
      return generation;
    default:
      throw new Error('no such route');
  }
}

const server = createServer((request, response) => {
  answer(request).then(
    (value) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value)),
    (thrown: unknown) => response.writeHead(500).end(String(thrown)),
  );
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

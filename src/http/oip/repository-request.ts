// The bodies of /v2/repository, which are optional: clients send an empty one.
import { invalid } from '../../errors.js';
import { parseJson } from '../codecs/json-text.js';
import { FROM_THE_REPOSITORY, notImplemented, readParameters } from '../../oip/parameters.js';

/** `{ ready }` of an index request. @throws NestorError INVALID_REQUEST */
export function readyOnly(bytes: Buffer): boolean {
  const { ready = false } = readObject(bytes);
  if (typeof ready !== 'boolean') throw invalid('ready', 'ready must be true or false');
  return ready;
}

/**
 * A load request may bring a configuration and files with it; here models come from the repository alone.
 * @throws NestorError INVALID_REQUEST, or NOT_IMPLEMENTED instead of loading something else than what was sent.
 */
export function refuseContents(bytes: Buffer): void {
  const [name] = Object.keys(readParameters(readObject(bytes).parameters, 'parameters'));
  if (name !== undefined) throw notImplemented(`parameters.${name}`, FROM_THE_REPOSITORY);
}

function readObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  const body = bytes.byteLength > 0 ? parseJson(bytes, false) : {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', 'The body must be a JSON object');
  return body as Readonly<Record<string, unknown>>;
}

// The bodies of /v2/repository, which are optional: clients send an empty one.
import { invalid } from '../../errors.js';
import { isObject } from '../codecs/document-value.js';
import { parseWhole } from '../codecs/json-text.js';
import { FROM_THE_REPOSITORY, notImplemented, readParameters } from '../../oip/parameters.js';

/** `{ ready }` of an index request. @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
export async function readyOnly(bytes: Buffer): Promise<boolean> {
  const body = await readObject(bytes);
  const ready = body.ready ?? false;
  if (typeof ready !== 'boolean') throw invalid('ready', 'ready must be true or false');
  return ready;
}

/**
 * A load request may bring a configuration and files with it; here models come from the repository alone.
 * @throws NestorError INVALID_REQUEST, PAYLOAD_TOO_LARGE, or NOT_IMPLEMENTED instead of loading something else than what was sent.
 */
export async function refuseContents(bytes: Buffer): Promise<void> {
  const { parameters } = await readObject(bytes);
  const [name] = Object.keys(readParameters(parameters, 'parameters'));
  if (name !== undefined) throw notImplemented(`parameters.${name}`, FROM_THE_REPOSITORY);
}

async function readObject(bytes: Buffer): Promise<Readonly<Record<string, unknown>>> {
  const body = bytes.byteLength > 0 ? await parseWhole(bytes) : {};
  if (!isObject(body)) throw invalid('body', 'The body must be a JSON object');
  return body;
}

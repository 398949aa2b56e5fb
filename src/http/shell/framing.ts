// What the head of a request must not leave open: where it ends, whom it is for. Node's parser, which is strict, has refused the rest.
import type { IncomingMessage } from 'node:http';
import { invalid, NestorError } from '../../errors.js';

type Head = Pick<IncomingMessage, 'url' | 'headers' | 'rawHeaders' | 'httpVersion'>;

/** Of a target that is a whole URL: all before its path. */
export const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
const HOST = /^(\[[0-9a-f:.]+\]|[^\s/?#@\\]*)(:\d*)?$/i;

/**
 * @param urlLimit bytes of the target.
 * @returns why the request is refused: URL_TOO_LONG, INVALID_REQUEST or, for a transfer coding other than chunked, NOT_IMPLEMENTED.
 */
export function faultOf({ url = '', headers, rawHeaders, httpVersion }: Head, urlLimit: number): NestorError | undefined {
  if (url.length > urlLimit) return new NestorError('URL_TOO_LONG', `The path and the query may have ${urlLimit} bytes`, { field: 'url' });
  return faultOfHost(url, headers.host, rawHeaders, httpVersion) ?? faultOfCoding(headers['transfer-encoding'], httpVersion);
}

/** RFC 9112, section 3.2: who disagrees about the host with a proxy in front answers for another. */
function faultOfHost(url: string, host: string | undefined, rawHeaders: readonly string[], httpVersion: string): NestorError | undefined {
  if (host === undefined) return httpVersion === '1.0' ? undefined : invalid('Host', 'The header Host is missing');
  if (isRepeated(rawHeaders)) return invalid('Host', 'The header Host is there more than once');
  if (!HOST.test(host)) return invalid('Host', 'The header Host is no host');
  if (url.startsWith('/') || url === '*') return undefined;
  const authority = ABSOLUTE.exec(url)?.[1];
  if (authority === undefined) return invalid('url', 'The target of the request is a path, or a URL that begins with http:// or https://');
  return authority.toLowerCase() === host.toLowerCase() ? undefined : invalid('Host', 'The header Host and the URL name different hosts');
}

/** Whether Host comes twice, of which Node drops the second. */
function isRepeated(rawHeaders: readonly string[]): boolean {
  let times = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') times++;
  }
  return times > 1;
}

/** RFC 9112, sections 6.1 and 7: only chunked says where a body ends, and HTTP/1.0 does not know it. */
function faultOfCoding(coding: string | undefined, httpVersion: string): NestorError | undefined {
  if (coding === undefined) return undefined;
  if (httpVersion === '1.0') return invalid('Transfer-Encoding', 'HTTP/1.0 has no Transfer-Encoding; send Content-Length');
  if (coding.trim().toLowerCase() === 'chunked') return undefined;
  return new NestorError('NOT_IMPLEMENTED', 'Of Transfer-Encoding only chunked is supported; compress with Content-Encoding', {
    field: 'Transfer-Encoding',
  });
}

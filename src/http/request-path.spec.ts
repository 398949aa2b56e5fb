// The path of a request is the one that the router finds, in whatever form the target came.
import { expect, it } from '@jest/globals';
import { pathOf } from './request-path.js';

it.each([
  ['/v2/models/a?b=/c', '/v2/models/a'],
  ['http://a.example:8000/v2/models/a?b=c', '/v2/models/a'],
  ['HTTPS://a/v1/embeddings', '/v1/embeddings'],
  ['http://a', '/'],
  ['http://a?b=c', '/'],
  ['/v1/%65mbeddings', '/v1/embeddings'],
  ['http://a/v1/models/b%2fc', '/v1/models/b%2fc'],
  ['http://a/v2/models/%ff', '/v2/models/%ff'],
  ['/v1/models/http://a', '/v1/models/http://a'],
  ['*', '*'],
])('the path of %s is %s', (target, path) => {
  expect(pathOf(target)).toBe(path);
});

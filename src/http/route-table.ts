// Which methods a path has, so that a wrong one is answered 405 and not 404.
import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

@Injectable()
export class RouteTable {
  readonly #routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];

  /** Notes every route that is added from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      if (url.includes('*')) return;
      const path = new RegExp(`^${url.replaceAll(/[.+?^$(){}|[\]\\]/g, '\\$&').replaceAll(/:[^/]+/g, '[^/]+')}/?$`);
      this.#routes.push({ path, methods: [method].flat() });
    });
  }

  /** The methods of a path without its query; empty where there is no such path. */
  methodsOf(path: string): string[] {
    return [...new Set(this.#routes.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods))];
  }
}

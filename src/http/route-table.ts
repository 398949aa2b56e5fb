// Which methods a path has, so that a wrong one is answered 405 and not 404.
import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { Declared } from '../access/needs.js';

export interface Route {
  /** As it is declared, with `:parameters`. */
  readonly url: string;
  readonly path: RegExp | undefined;
  readonly methods: readonly string[];
  /** What it asks of its caller; undefined for the pages of the documentation, which declare nothing. */
  readonly need: Declared | undefined;
}

@Injectable()
export class RouteTable {
  readonly #routes: Route[] = [];

  get all(): readonly Route[] {
    return this.#routes;
  }

  /** Notes every route that is added from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method, config }) => {
      // What a route with * has, such as the files of a page, is for GET alone, and whoever asks otherwise is told that there is nothing.
      const path = url.includes('*')
        ? undefined
        : new RegExp(`^${url.replaceAll(/[.+?^$(){}|[\]\\]/g, '\\$&').replaceAll(/:[^/]+/g, '[^/]+')}/?$`);
      this.#routes.push({ url, path, methods: [method].flat(), need: config?.need });
    });
  }

  /** The methods of a path without its query; empty where there is no such path. */
  methodsOf(path: string): string[] {
    return [...new Set(this.#routes.filter((route) => route.path?.test(path)).flatMap(({ methods }) => methods))];
  }
}

// What a route or a method of gRPC asks of its caller; one that says nothing stops the boot.
import 'reflect-metadata';
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Scope } from './scopes.js';

/** Routes that are for callers unless OPEN_ROUTES names them. */
type Openable = 'metrics' | 'docs';

export interface Need {
  /** Undefined: no more than to be known. */
  readonly scope: Scope | undefined;
  /**
   * `named`: the scope must cover the model that the request names, and all models where it names none.
   * `own`: the handler finds out which models it is about, and keeps to those that the scope covers.
   */
  readonly reach: 'named' | 'own';
  readonly unless?: Openable | undefined;
}

/** Undefined: nobody is asked who they are. */
export type Declared = Need | 'open';

const NEED = 'nestor:need';

/** Pages and schemas that describe the API, which are no secret, yet nobody else's business. */
export const DOCS: Need = { scope: undefined, reach: 'named', unless: 'docs' };

/** For what there is no route: a stranger learns no more than that. */
export const KNOWN_CALLER: Need = { scope: undefined, reach: 'named' };

/** Serves those whose grants cover the scope. */
export function Needs(scope: Scope, reach: Need['reach'] = 'named', unless?: Openable): MethodDecorator {
  return declare({ scope, reach, unless });
}

/** Serves everybody: probes. */
export function Open(): MethodDecorator {
  return declare('open');
}

/** Fastify carries it with the route; gRPC finds it on the handler. */
function declare(need: Declared): MethodDecorator {
  return applyDecorators(SetMetadata(NEED, need), RouteConfig({ need }));
}

/** What a handler declares; undefined where it says nothing. */
export function needOfHandler(handler: object): Declared | undefined {
  return Reflect.getMetadata(NEED, handler) as Declared | undefined;
}

// Who may come through this door, and where to: asked before anything of the body is read.
import type { TLSSocket } from 'node:tls';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction, onRequestHookHandler, RouteOptions } from 'fastify';
import type { AuditLog, Visit } from '../access/audit-log.js';
import { requireModel, requireScope } from '../access/authorize.js';
import { NOBODY, type Caller } from '../access/caller.js';
import { unauthenticated } from '../access/denial.js';
import type { Gate } from '../access/gate.js';
import { DOCS, KNOWN_CALLER, type Declared, type Need } from '../access/needs.js';
import { statusOf } from './served-request.js';

/** Who guards, who writes down. */
export interface Guards {
  readonly gate: Gate;
  readonly audit: AuditLog;
  /** Clients must have shown a certificate of the authority. */
  readonly certificates: boolean;
}

/** Routes of @nestjs/swagger, which declare nothing. */
const DOCS_ROUTES = /^\/(docs(-yaml)?(\/.*)?|openapi\.json)$/;

type Guard = (request: FastifyRequest, done: HookHandlerDoneFunction) => void;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the handler declares, by @Needs or @Open. */
    need?: Declared;
    /** What comes of it. */
    guard?: Guard;
  }
}

/** Every route that is added from now on asks what it declares, and what has no route asks who it is. */
export function addAccess(fastify: FastifyInstance, guards: Guards): void {
  fastify.decorateRequest('caller', null as unknown as Caller);
  const known = guardOf(KNOWN_CALLER, false, guards);
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.caller = NOBODY;
    (request.routeOptions.config.guard ?? known)(request, done);
  });
  fastify.addHook('onRoute', (route) => {
    const need = needOf(route);
    route.config = { ...route.config, need, guard: guardOf(need, route.url.includes(':model'), guards) };
    if (need !== 'open' && need.scope === 'admin') route.onRequest = [...[route.onRequest ?? []].flat(), noteOf(guards.audit)];
  });
}

/** @throws Error for a route that says neither what it needs nor that it is open: the boot stops. */
export function needOf({ method, url, config }: Pick<RouteOptions, 'method' | 'url' | 'config'>): Declared {
  if (config?.need) return config.need;
  if (DOCS_ROUTES.test(url)) return DOCS;
  // Browsers ask without credentials which origins may call: @fastify/cors has one route for it.
  if (method === 'OPTIONS' && url === '*') return 'open';
  throw new Error(`${[method].flat().join()} ${url} declares neither @Needs nor @Open: nobody could say who may call it`);
}

/** @param modelled whether the path names a model. */
function guardOf(need: Declared, modelled: boolean, { gate, certificates }: Guards): Guard {
  const admit = gate.asksNobody(need) ? admitStranger(gate) : admitCaller(gate, need, modelled);
  if (!certificates || need === 'open') return admit;
  return (request, done) => {
    if ((request.raw.socket as TLSSocket).authorized) admit(request, done);
    else done(unauthenticated('This needs a certificate of the client', 'no certificate'));
  };
}

function admitStranger({ stranger }: Gate): Guard {
  return (request, done) => {
    request.caller = stranger;
    done();
  };
}

function admitCaller(gate: Gate, need: Need, modelled: boolean): Guard {
  const enter = (request: FastifyRequest, caller: Caller): void => {
    requireScope(caller, need);
    if (need.reach === 'named') requireModel(caller, need, modelled ? (request.params as { model: string }).model : undefined);
    request.caller = caller;
    request.tenant = caller.tenant;
  };
  return (request, done) => {
    let verified: Promise<void> | undefined;
    try {
      const { authorization, 'x-api-key': apiKey } = request.headers;
      const caller = gate.identify(authorization, apiKey as string | undefined);
      if (caller instanceof Promise)
        verified = caller.then((found) => { enter(request, found); }); // prettier-ignore
      else enter(request, caller);
    } catch (thrown) {
      done(thrown as Error);
      return;
    }
    if (verified)
      verified.then(() => { done(); }, done); // prettier-ignore
    else done();
  };
}

/**
 * For models that a route finds in the body: one that the caller may not use does not exist.
 * @throws Denial MODEL_NOT_FOUND
 */
export function requireOwn({ caller, routeOptions }: FastifyRequest, model: string | undefined): void {
  const { need } = routeOptions.config;
  if (need && need !== 'open') requireModel(caller, need, model);
}

/** Whether what a model answered to somebody else may be answered to this caller. */
export function mayHave({ caller, routeOptions }: FastifyRequest, model: string): boolean {
  const { need } = routeOptions.config;
  return need === 'open' || need?.scope === undefined || caller.grants.covers(need.scope, model);
}

/** Who asks, for handlers that show only what is theirs. */
export const CallerParam = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().caller,
);

export function visitOf({ id, ip, routeOptions }: FastifyRequest): Visit {
  return {
    door: 'http',
    route: `${[routeOptions.method].flat().join()} ${routeOptions.url ?? '_unknown'}`,
    address: ip,
    requestId: id,
  };
}

/** What was done with the admin scope, and what came of it, though nobody waits for the answer; who was refused is written down elsewhere. */
function noteOf(audit: AuditLog): onRequestHookHandler {
  return (request, reply, done) => {
    reply.raw.once('close', () => {
      const { model } = { ...(request.query as object), ...(request.params as object) } as { model?: string };
      if (request.caller !== NOBODY) audit.administered(request.caller, model, statusOf(request, reply), visitOf(request));
    });
    done();
  };
}

// Who may call what: asked when a call's metadata are there, before any of its messages is read.
import { ServerInterceptingCall, status, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AuditLog, Visit } from '../access/audit-log.js';
import { requireModel, requireScope } from '../access/authorize.js';
import { NOBODY, type Caller } from '../access/caller.js';
import { Denial } from '../access/denial.js';
import type { Gate } from '../access/gate.js';
import type { Declared } from '../access/needs.js';
import { callRecords } from './call-record.js';
import { needOf } from './needs.js';
import { REQUEST_ID } from './observed-call.js';
import { nestorErrorOf, statusOf } from './status.js';

/** Who guards, who writes down, and what methods ask for. */
export interface Guards {
  readonly gate: Gate;
  readonly audit: AuditLog;
  readonly needs: ReadonlyMap<string, Declared>;
}

/** Behind the interceptor that observes, whose record it fills. */
export function guardCalls({ gate, audit, needs }: Guards): ServerInterceptor {
  return ({ path }, call) => {
    const need = needOf(path, needs);
    const identify = (metadata: Metadata): Caller | Promise<Caller> =>
      gate.asksNobody(need) ? gate.stranger : gate.identify(first(metadata, 'authorization'), first(metadata, 'x-api-key'));
    const administers = need !== 'open' && need.scope === 'admin';
    let admitted: Metadata | undefined;
    let outcome = status.CANCELLED;
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, proceed) => {
            const refuse = (thrown: unknown): void => {
              if (thrown instanceof Denial) audit.denied(thrown, visitOf(path, metadata, call.getPeer()));
              call.sendStatus(statusOf(nestorErrorOf(thrown)));
            };
            const enter = (caller: Caller): void => {
              if (need !== 'open') requireScope(caller, need);
              const record = callRecords.get(metadata);
              if (record) Object.assign(record, { caller, need }, !gate.asksNobody(need) && { tenant: caller.tenant });
              admitted = metadata;
            };
            try {
              const caller = identify(metadata);
              if (caller instanceof Promise) {
                caller.then(enter).then(() => { proceed(metadata); }, refuse); // prettier-ignore
                return;
              }
              enter(caller);
            } catch (thrown) {
              refuse(thrown);
              return;
            }
            proceed(metadata);
          },
          onCancel: () => {
            if (!administers || !admitted) return;
            const { caller = NOBODY, model } = callRecords.get(admitted) ?? {};
            // Without one it was refused before anything was done.
            if (model !== undefined) audit.administered(caller, model, status[outcome], visitOf(path, admitted, call.getPeer()));
          },
        });
      },
      sendStatus: (given, proceed) => {
        outcome = given.code;
        proceed(given);
      },
    });
  };
}

/**
 * Once the message is there: is it about a model that the caller may use?
 * @throws Denial
 */
export function requireNamed(metadata: Metadata, message: object): void {
  const record = callRecords.get(metadata);
  if (!record) throw new Error('a call without a record; this is a bug');
  const { caller, need } = record;
  const { name, modelName, version, modelVersion } = message as Partial<Record<'name' | 'modelName' | 'version' | 'modelVersion', string>>;
  const model = modelName ?? name;
  if (need !== 'open' && need.reach === 'named') requireModel(caller, need, model);
  record.model = model;
  record.version = modelVersion ?? version;
}

/** Who calls, for handlers that show only what is theirs. */
export const CallerParam = createParamDecorator(
  (_: unknown, context: ExecutionContext) => callRecords.get(context.getArgByIndex<Metadata>(1))?.caller ?? NOBODY,
);

/** @param peer address and port; each connection has another port, and whoever comes again is still the same. */
export function visitOf(path: string, metadata: Metadata, peer: string): Visit {
  return { door: 'grpc', route: path, address: peer.replace(/:\d+$/, ''), requestId: first(metadata, REQUEST_ID) ?? '' };
}

function first(metadata: Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}

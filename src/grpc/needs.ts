// What every method asks of its caller, as its handler declares it.
import type { DescService } from '@bufbuild/protobuf';
import { DOCS, KNOWN_CALLER, needOfHandler, type Declared } from '../access/needs.js';

/** Where @GrpcMethod notes which method a handler is for. */
const PATTERN = 'microservices:pattern';
/** Schemas, as the pages of the documentation show them. */
const REFLECTION = '/grpc.reflection.';

type Controller = abstract new (...args: never[]) => object;

/** By path. @throws Error for a method that no handler declares a need for: the boot stops. */
export function needsOf(services: readonly DescService[], controllers: readonly Controller[]): ReadonlyMap<string, Declared> {
  const handlers = controllers.flatMap(handlersOf);
  const methods = services.flatMap((service) => service.methods.map((method) => ({ service, method })));
  return new Map(
    methods.map(({ service, method }) => {
      const handler = handlers.find(({ of, rpc }) => of === service.name && rpc === method.name)?.handler;
      const need = handler && needOfHandler(handler);
      const path = `/${service.typeName}/${method.name}`;
      if (!need) throw new Error(`${path} declares neither @Needs nor @Open: nobody could say who may call it`);
      return [path, need] as const;
    }),
  );
}

/** What is none of the services' methods is one of those that describe them, or none at all: a stranger learns no more than that. */
export function needOf(path: string, needs: ReadonlyMap<string, Declared>): Declared {
  return needs.get(path) ?? (path.startsWith(REFLECTION) ? DOCS : KNOWN_CALLER);
}

function handlersOf({ prototype }: Controller): { of: string; rpc: string; handler: object }[] {
  const members = Object.values(Object.getOwnPropertyDescriptors(prototype as object)).map(({ value }) => value as unknown);
  return members
    .filter((member) => typeof member === 'function')
    .flatMap((handler) => {
      const patterns = (Reflect.getMetadata(PATTERN, handler) ?? []) as { service: string; rpc: string }[];
      return patterns.map(({ service, rpc }) => ({ of: service, rpc, handler }));
    });
}

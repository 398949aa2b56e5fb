// May this caller do that? The one place that says so, for both doors.
import { noSuchModel } from '../errors.js';
import type { Caller } from './caller.js';
import { Denial, forbidden } from './denial.js';
import type { Need } from './needs.js';

/** Before anything of the body is read. @throws Denial FORBIDDEN */
export function requireScope({ id, grants }: Caller, { scope }: Need): void {
  if (scope !== undefined && !grants.has(scope)) throw forbidden(`This needs the scope ${scope}, which the key or token does not have`, id);
}

/**
 * A model that one may not use is a model that does not exist.
 * @param model that the request names; undefined where it names none.
 * @throws Denial MODEL_NOT_FOUND, and FORBIDDEN for what concerns all models at once.
 */
export function requireModel({ id, grants }: Caller, { scope }: Need, model: string | undefined): void {
  if (scope === undefined) return;
  if (model === undefined) {
    if (!grants.coversAll(scope)) throw forbidden(`This needs the scope ${scope} for all models, and the key or token has it for some`, id);
  } else if (!grants.covers(scope, model)) {
    const { code, message, field } = noSuchModel(model);
    throw new Denial(code, message, 'model', id, field);
  }
}

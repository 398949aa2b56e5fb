// The target of a request -> its path, as the router reads it, for whoever decides by the path where no route was found.
import { ABSOLUTE } from './shell/framing.js';

/** Without host and query, and decoded; as it came where it cannot be decoded. */
export function pathOf(target: string): string {
  const path = target.replace(ABSOLUTE, '').split(/[?#]/, 1)[0] ?? '';
  try {
    // An encoded slash stays encoded: it is part of a name.
    return decodeURI(path === '' ? '/' : path);
  } catch {
    return path;
  }
}

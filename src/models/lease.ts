// A model version in use: it does not end before the lease is given back.
import type { Model } from './model.js';

export class Lease implements Disposable {
  readonly release: () => void;

  constructor(readonly model: Model) {
    this.release = model.usage.hold();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

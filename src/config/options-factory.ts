// How a module is given its options.
import type { InjectionToken } from '@nestjs/common';

/** Makes the options of a module, of providers that it asks for. */
export interface OptionsFactory<T> {
  readonly useFactory: (...values: never[]) => T;
  readonly inject?: InjectionToken[];
}

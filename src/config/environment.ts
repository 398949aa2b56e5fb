// The one environment table: every variable that Nestor reads, its default and its rule.
import { IsBoolean, IsIn, IsInt, IsString, Max, Min, MinLength, validateSync } from 'class-validator';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export class Environment {
  /** Port of the REST routes; 0 lets the system choose. */
  @IsInt() @Min(0) @Max(65535) readonly PORT: number = 8000;

  /** Address to listen on; the container image sets 0.0.0.0. */
  @IsString() @MinLength(1) readonly HOST: string = '127.0.0.1';

  /** Folder of the model repository. */
  @IsString() @MinLength(1) readonly MODEL_REPOSITORY: string = './models';

  /** Folder for what can be made again: models that were prepared. */
  @IsString() @MinLength(1) readonly CACHE_DIR: string = './var/cache';

  /** How often to look for changes of the repository, in seconds; 0 for never. */
  @IsInt() @Min(0) @Max(86_400) readonly MODEL_POLL_SECONDS: number = 0;

  /** Most that the process may take with all models, in bytes; 0 for no limit. */
  @IsInt() @Min(0) readonly MEMORY_BUDGET_BYTES: number = 0;

  /** Where the process takes more than this, in bytes, fresh instances take over from those that run; 0 for never. */
  @IsInt() @Min(0) readonly RECYCLE_ABOVE_BYTES: number = 0;

  @IsIn(LOG_LEVELS) readonly LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info';

  /** Largest request body, in bytes. */
  @IsInt() @Min(1024) readonly BODY_LIMIT_BYTES: number = 32 * 1024 * 1024;

  /** Seconds after SIGTERM during which requests that were already routed here are still served, while readiness is false. */
  @IsInt() @Min(0) @Max(600) readonly DRAIN_SECONDS: number = 0;

  /** Seconds that requests in flight have to finish once the listener is closed. */
  @IsInt() @Min(1) @Max(3600) readonly SHUTDOWN_GRACE_SECONDS: number = 30;

  /** Opens the routes that change the server; without it they answer 404. */
  @IsBoolean() readonly ADMIN_API: boolean = false;
}

/** What the environment says of one variable, as the type its default has; text that does not fit stays text and fails its rule. */
function typed(text: string, fallback: unknown): unknown {
  if (typeof fallback === 'number') return /^-?\d+$/.test(text) ? Number(text) : text;
  if (typeof fallback === 'boolean') return { on: true, true: true, '1': true, off: false, false: false, '0': false }[text] ?? text;
  return text;
}

/**
 * Reads, types and checks the environment, once.
 * @throws Error that names every bad variable, its value and its rule.
 */
export function readEnvironment(source: NodeJS.ProcessEnv): Readonly<Environment> {
  const environment = new Environment();
  const defaults = new Map(Object.entries(environment));
  const given: Record<string, unknown> = {};
  for (const name of defaults.keys()) {
    const text = source[name]?.trim();
    if (text) given[name] = typed(text, defaults.get(name));
  }
  Object.assign(environment, given);
  const faults = validateSync(environment);
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.property}=${String(fault.value)}: ${Object.values(fault.constraints ?? {}).join('; ')}`);
    throw new Error(`The environment is not valid:\n${lines.join('\n')}`);
  }
  return Object.freeze(environment);
}

// Certificates of the server, and of the authority that clients' certificates must come from: read at the start, and again when they change.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { reasonOf } from '../errors.js';
import { FileWatch, stateOf } from '../config/file-watch.js';

export interface Certificates {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Clients must have a certificate of this authority. */
  readonly ca: Buffer | undefined;
}

const NAMES = { cert: 'TLS_CERT_FILE', key: 'TLS_KEY_FILE', ca: 'TLS_CLIENT_CA_FILE' } as const;

@Injectable()
export class Tls implements OnApplicationShutdown {
  readonly #logger = new Logger(Tls.name);
  readonly #listeners: ((certificates: Certificates) => void)[] = [];
  #watch: FileWatch | undefined;
  /** Undefined: plain text. */
  current: Certificates | undefined;

  /** @throws Error that names the variable whose file is missing or is not what it should be. */
  constructor(private readonly environment: Environment) {
    this.current = readCertificates(environment);
  }

  /** Calls back whenever the files hold others; those that are not good change nothing. */
  onChange(listener: (certificates: Certificates) => void): void {
    this.#listeners.push(listener);
    if (this.#watch) return;
    const paths = Object.values(NAMES)
      .map((name) => this.environment[name])
      .filter(Boolean);
    const watch = new FileWatch(
      paths,
      () => {
        this.#reload();
      },
      (thrown) => {
        this.#logger.error(`${reasonOf(thrown)}; those that were read before stay`);
      },
    );
    this.#watch = watch;
    void stateOf(paths).then((state) => {
      watch.start(state);
    });
  }

  onApplicationShutdown(): void {
    this.#watch?.stop();
  }

  #reload(): void {
    const certificates = readCertificates(this.environment);
    if (!certificates) return;
    this.current = certificates;
    for (const listener of this.#listeners) listener(certificates);
    this.#logger.log('The certificates were exchanged');
  }
}

/** Undefined where there are none. @throws Error */
export function readCertificates(environment: Environment): Certificates | undefined {
  const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CA_FILE } = environment;
  if (!TLS_CERT_FILE && !TLS_KEY_FILE && !TLS_CLIENT_CA_FILE) return undefined;
  if (!TLS_CERT_FILE || !TLS_KEY_FILE) throw new Error('TLS needs TLS_CERT_FILE and TLS_KEY_FILE, both');
  const read = (name: (typeof NAMES)[keyof typeof NAMES]): Buffer => {
    try {
      return readFileSync(environment[name]);
    } catch (thrown) {
      throw new Error(`${name}=${environment[name]}: ${reasonOf(thrown)}`, { cause: thrown });
    }
  };
  const certificates = { cert: read(NAMES.cert), key: read(NAMES.key), ca: TLS_CLIENT_CA_FILE ? read(NAMES.ca) : undefined };
  try {
    createSecureContext(certificates);
  } catch (thrown) {
    throw new Error(`${NAMES.cert}, ${NAMES.key}: ${reasonOf(thrown)}`, { cause: thrown });
  }
  return certificates;
}

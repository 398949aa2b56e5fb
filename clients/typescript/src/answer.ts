// One answer, read to its end.
import { NestorError } from './error.js';

export class Answer {
  private constructor(
    private readonly response: Response,
    readonly bytes: Uint8Array<ArrayBuffer>,
  ) {}

  /** @throws what `fetch` throws when the connection is lost. */
  static async of(response: Response): Promise<Answer> {
    return new Answer(response, new Uint8Array(await response.arrayBuffer()));
  }

  get status(): number {
    return this.response.status;
  }

  get statusText(): string {
    return this.response.statusText || `HTTP ${this.status}`;
  }

  get headers(): Headers {
    return this.response.headers;
  }

  get requestId(): string | undefined {
    return this.headers.get('x-request-id') ?? undefined;
  }

  text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** The members of a JSON object; none where it is anything else. */
  json(): Readonly<Record<string, unknown>> {
    try {
      const value: unknown = JSON.parse(this.text());
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
    } catch {
      return {};
    }
  }

  isOf(mediaType: string): boolean {
    return this.#mediaType === mediaType;
  }

  /** @throws NestorError INVALID_ANSWER for another format, which something between here and the server has sent. */
  expectType(mediaType: string): void {
    if (!this.isOf(mediaType)) throw this.invalid(`It is ${this.#mediaType.slice(0, 100)} and not ${mediaType}`);
  }

  get #mediaType(): string {
    return this.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? 'nothing';
  }

  invalid(why: string, field?: string, cause?: unknown): NestorError {
    const { status, requestId } = this;
    return new NestorError('INVALID_ANSWER', `The answer is not one of Nestor's: ${why}`, { status, field, requestId, cause });
  }
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** A reply, read to its end. */
export class Reply {
  constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
    readonly text: string,
  ) {}

  /** The body as JSON; throws where it is none. */
  json<T>(): T {
    return JSON.parse(this.text) as T;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  get requestId(): string {
    return this.header('x-request-id') ?? '';
  }

  /** The error's code, in any dialect; undefined where the reply carries none. OpenRouter's `code` is the status. */
  get code(): string | undefined {
    const body = this.json<{ code?: string; error?: { code?: string | number; metadata?: { code?: string } } }>();
    const told = body.error?.metadata?.code ?? body.error?.code ?? body.code;
    return typeof told === 'number' ? undefined : told;
  }
}

/** A reply whose body is still on its way. */
export class StreamInFlight {
  #text = '';
  #wake: () => void = () => undefined;
  #over = false;
  /**
   * Resolves with the end of the body: `complete` when it ended as HTTP has it, false when the connection broke. Never
   * rejects.
   */
  readonly ended: Promise<{ readonly complete: boolean; readonly text: string }>;

  constructor(private readonly response: Dispatcher.ResponseData) {
    this.ended = this.#read();
  }

  get status(): number {
    return this.response.statusCode;
  }

  get requestId(): string {
    return String(this.response.headers['x-request-id'] ?? '');
  }

  /** What has arrived by now. */
  get text(): string {
    return this.#text;
  }

  /** Resolves when so much has arrived; rejects when the stream ends before. */
  async until(enough: (text: string) => boolean): Promise<void> {
    while (!enough(this.#text)) {
      if (this.#over)
        throw new Error(`the stream ended before what was waited for; it said: ${this.#text.slice(-500)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Closes the connection without having read the rest. */
  leave(): void {
    this.response.body.destroy();
  }

  async #read(): Promise<{ complete: boolean; text: string }> {
    let complete = true;
    try {
      this.response.body.setEncoding('utf8');
      for await (const part of this.response.body) {
        this.#text += String(part);
        this.#wake();
      }
    } catch {
      complete = false;
    }
    this.#over = true;
    this.#wake();
    return { complete, text: this.#text };
  }
}

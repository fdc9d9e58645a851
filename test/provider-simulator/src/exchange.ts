import type { ServerResponse } from 'node:http';
import { errorBody, type ErrorFamily, type OpenAiError } from './errors.js';
import type { LogEntry, Outcome } from './log.js';

/** Arranges for `resume` to be called; the function it returns calls that off. */
export type Arrange = (resume: () => void) => () => void;

/**
 * One request on its way to an answer: writes the answer, waits without losing sight of the client, and keeps the log
 * entry true. Every wait resolves to false when the connection is gone, and the caller stops.
 */
export class Exchange {
  /** Whose shape errors have. */
  errors: ErrorFamily = 'openai';
  private over = false;
  private resume: (() => void) | undefined;

  /**
   * @param stopping whether a connection that closes now is closed by the simulator's own stop
   * @param shownProvider what answers name in a field `provider`; undefined: no such field
   */
  constructor(
    private readonly response: ServerResponse,
    readonly entry: LogEntry,
    stopping: () => boolean,
    readonly shownProvider?: string,
  ) {
    response.once('finish', () => this.settle((entry.status ?? 0) < 400 ? 'answered' : 'failed'));
    response.once('close', () => {
      this.over = true;
      this.settle(stopping() ? 'reset' : 'client_left');
      this.resume?.();
    });
  }

  /** Waits for what `arrange` arranges. One wait at a time. */
  waitFor(arrange: Arrange): Promise<boolean> {
    if (this.over) return Promise.resolve(false);
    return new Promise((resolve) => {
      let callOff = (): void => undefined;
      this.resume = () => {
        this.resume = undefined;
        callOff();
        resolve(!this.over);
      };
      callOff = arrange(this.resume);
    });
  }

  /** Waits that many milliseconds. */
  pause(ms: number): Promise<boolean> {
    return this.waitFor((resume) => {
      const timer = setTimeout(resume, ms);
      return () => clearTimeout(timer);
    });
  }

  /** Waits until the client leaves. */
  hang(): Promise<boolean> {
    return this.waitFor(() => () => undefined);
  }

  /** Sends a whole JSON answer. */
  reply(status: number, json: string, headers: Record<string, string> = {}): void {
    const body = Buffer.from(json);
    this.open(status, { 'content-type': 'application/json', 'content-length': body.length, ...headers });
    this.entry.bytes_sent += body.length;
    this.response.end(body);
  }

  /** The id that the answer names. */
  get requestId(): string {
    return `req_simulator${this.entry.n}`;
  }

  /** Sends an error in the shape of the path. */
  refuse(status: number, error: OpenAiError, headers: Record<string, string> = {}): void {
    const body = errorBody(this.errors, status, error, this.requestId);
    this.reply(status, JSON.stringify({ ...body, ...providerField(this.shownProvider) }), headers);
  }

  /** Starts an answer whose body follows by `write` and `end`. */
  open(status: number, headers: Record<string, string | number>): void {
    if (this.over) return;
    this.entry.status = status;
    const idHeader = this.errors === 'anthropic' ? 'request-id' : 'x-request-id';
    this.response.writeHead(status, { [idHeader]: this.requestId, ...headers });
  }

  /** Writes a part of the body. False: `drained` must be awaited before the next one. */
  write(text: string): boolean {
    if (this.over) return false;
    this.entry.bytes_sent += Buffer.byteLength(text);
    return this.response.write(text);
  }

  /** Waits until the connection takes more. */
  drained(): Promise<boolean> {
    if (!this.response.writableNeedDrain) return Promise.resolve(!this.over);
    return this.waitFor((resume) => {
      this.response.once('drain', resume);
      return () => void this.response.off('drain', resume);
    });
  }

  end(): void {
    this.response.end();
  }

  /** Breaks the connection with a TCP reset, after what was written has left this process. */
  async reset(): Promise<void> {
    const { socket } = this.response.req;
    const flushed = await this.waitFor((resume) => {
      socket.write('', () => setImmediate(resume));
      return () => undefined;
    });
    if (!flushed) return;
    this.settle('reset');
    socket.resetAndDestroy();
  }

  private settle(outcome: Outcome): void {
    if (this.entry.outcome === 'pending') this.entry.outcome = outcome;
  }
}

/** The field of an answer that names who gave it; nothing where nobody is to be named. */
export function providerField(shownProvider: string | undefined): { provider?: string } {
  return shownProvider === undefined ? {} : { provider: shownProvider };
}

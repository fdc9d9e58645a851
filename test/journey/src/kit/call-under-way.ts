import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Reply } from './chat-reply.js';

export interface RawCall {
  readonly method?: string;
  /** As it stands in the request line: a whole URL is sent as one. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/**
 * A call on a connection of its own, which the caller may leave at any moment, before its head too, and whose text can
 * be watched as it comes.
 */
export class CallUnderWay {
  /**
   * The whole reply. Where the connection broke, `complete` is false; without a head the status is 0. Never rejects.
   */
  readonly ended: Promise<{ readonly reply: Reply; readonly complete: boolean }>;
  #text = '';
  #onText: (text: string) => void = () => undefined;
  readonly #leave: () => void;

  constructor(origin: string, { method = 'POST', path, headers, body }: RawCall) {
    const { hostname, port } = new URL(origin);
    const sent = request({
      hostname,
      port,
      method,
      path,
      headers: { host: `${hostname}:${port}`, ...headers },
      agent: false,
    });
    this.#leave = () => sent.destroy();
    this.ended = new Promise((resolve) => {
      sent.once('error', () => resolve({ reply: new Reply(0, {}, ''), complete: false }));
      sent.once('response', (response) => void this.#read(response).then(resolve));
    });
    sent.end(body);
  }

  /** Calls `listener` with all that has arrived, now and whenever more does. */
  watch(listener: (text: string) => void): void {
    this.#onText = listener;
    listener(this.#text);
  }

  /** Resolves when this text has arrived; rejects when the call is over without it. */
  until(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.watch((so) => {
        if (so.includes(text)) resolve();
      });
      void this.ended.then(({ reply }) =>
        reject(new Error(`the call was over before it said ${text}: ${reply.status} ${reply.text.slice(-500)}`)),
      );
    });
  }

  /** Closes the connection, whatever is still to come. */
  leave(): void {
    this.#leave();
  }

  async #read(response: IncomingMessage): Promise<{ reply: Reply; complete: boolean }> {
    const { statusCode = 0, headers } = response;
    try {
      response.setEncoding('utf8');
      for await (const text of response) this.#onText((this.#text += String(text)));
    } catch {
      // The connection broke: `complete` says so.
    }
    return { reply: new Reply(statusCode, headers as IncomingHttpHeaders, this.#text), complete: response.complete };
  }
}

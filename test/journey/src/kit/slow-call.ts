import { connect, type Socket } from 'node:net';
import { waitUntil } from '@tollgate/infra';
import type { Reply } from './chat-reply.js';
import { wholeReply } from './raw-exchange.js';
import { chatBody, chatPath, type ChatFields } from './tollgate-client.js';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
/** How much of the body is there before the client pauses. */
const BEGINNING_BYTES = 10;

/** A chat call whose client pauses in the middle of its body, on a connection of its own. */
export class SlowCall {
  readonly #body: string;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(url: string, secret: string, fields: ChatFields) {
    const { hostname, port, host } = new URL(url);
    this.#body = chatBody(fields);
    this.#socket = connect(Number(port), hostname);
    this.#socket.on('error', () => undefined);
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    const headers = [
      `host: ${host}`,
      `authorization: Bearer ${secret}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(this.#body)}`,
      'expect: 100-continue',
    ];
    this.#socket.write([`POST ${chatPath} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
  }

  /** Resolves when the server has read the head, and the beginning of the body is sent. */
  static async begin(url: string, secret: string, fields: ChatFields = {}): Promise<SlowCall> {
    const call = new SlowCall(url, secret, fields);
    await waitUntil(async () => call.#received.toString('latin1').startsWith(CONTINUE), {
      what: 'the server to ask for the body',
    });
    call.#received = call.#received.subarray(CONTINUE.length);
    call.#socket.write(call.#body.slice(0, BEGINNING_BYTES));
    return call;
  }

  /** Sends what is left of the body. */
  finish(): void {
    this.#socket.write(this.#body.slice(BEGINNING_BYTES));
  }

  reply(timeoutMs = 10_000): Promise<Reply> {
    const whole = async (): Promise<Reply | false> => wholeReply(this.#received, false) ?? false;
    return waitUntil(whole, { what: 'the reply to a call whose body is on its way', timeoutMs });
  }

  /** Resolves when the server has closed its side of the connection. */
  async closed(): Promise<void> {
    if (this.#socket.readableEnded || this.#socket.closed) return;
    // A reset closes it too: what is sent may arrive at the moment in which the server ends.
    await new Promise((resolve) => this.#socket.once('end', resolve).once('close', resolve));
  }

  leave(): void {
    this.#socket.destroy();
  }
}

import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { Reply } from './chat-reply.js';

export interface OneRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A client whose connections all come from one address of this machine (`127.0.0.5`), one request after the other. */
export class OneAddress {
  readonly #agent: Agent;

  constructor(
    private readonly url: string,
    localAddress: string,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress });
  }

  async send({ method, path, headers = {}, body = '' }: OneRequest): Promise<Reply> {
    const { host, hostname, port } = new URL(this.url);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ agent: this.#agent, hostname, port, method, path, headers: { host, ...headers } })
        .on('response', resolve)
        .on('error', reject)
        .end(body);
    });
    return new Reply(response.statusCode!, response.headers, await text(response));
  }

  close(): void {
    this.#agent.destroy();
  }
}

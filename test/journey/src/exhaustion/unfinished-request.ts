import { connect, type Socket } from 'node:net';

/** A request of which no more is sent than a test says, on a connection of its own, and what came back so far. */
export class UnfinishedRequest {
  text = '';
  readonly #socket: Socket;

  constructor(origin: string, path: string, headers: Readonly<Record<string, string>>, body: string | Uint8Array = '') {
    const { hostname, port, host } = new URL(origin);
    this.#socket = connect(Number(port), hostname).on('error', () => undefined);
    this.#socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    if (body.length > 0) this.#socket.write(body);
  }

  /** Sends more of the body. */
  send(more: string | Uint8Array): void {
    this.#socket.write(more);
  }

  /** The status and the code of the answer, when it is there. The connection must not end before. */
  async answer(): Promise<string> {
    for (;;) {
      const [status] = /(?<=^HTTP\/1\.1 )\d+/.exec(this.text) ?? [];
      const [code] = /(?<="code":")\w+/.exec(this.text) ?? [];
      if (status === '200') return status;
      if (status !== undefined && code !== undefined) return `${status} ${code}`;
      if (this.#socket.closed) throw new Error(`the connection ended with: ${this.text}`);
      // Not by `once` of node:events, which rejects when the socket fails.
      await new Promise((resolve) => this.#socket.once('data', resolve).once('close', resolve));
    }
  }

  leave(): void {
    this.#socket.destroy();
  }
}

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { chatPath } from '@tollgate/journey';

/** A call whose head is sent, and of whose body a part: the rest waits for the attacker. */
export class HalfSentCall {
  #received = '';
  readonly #ended: Promise<unknown>;

  private constructor(
    private readonly socket: Socket,
    private readonly rest: Buffer,
  ) {
    socket.on('data', (bytes: Buffer) => {
      this.#received += bytes.toString('latin1');
    });
    // Who was answered may find the connection closed: only its end counts. `once` would reject for an error.
    socket.on('error', () => undefined);
    this.#ended = new Promise((resolve) => socket.on('close', resolve));
  }

  /**
   * Resolves when the head and ten bytes have left. `bodyBytes` announces more than there is, so that it never ends.
   */
  static async send(
    url: string,
    secret: string,
    body: string,
    path = chatPath,
    bodyBytes = Buffer.byteLength(body),
  ): Promise<HalfSentCall> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const bytes = Buffer.from(body);
    const head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: ${bodyBytes}\r\n\r\n`;
    const call = new HalfSentCall(socket, bytes.subarray(10));
    await new Promise<void>((resolve) =>
      socket.write(Buffer.concat([Buffer.from(head), bytes.subarray(0, 10)]), () => resolve()),
    );
    return call;
  }

  /** Sends the rest, and resolves with the status of the answer; with 0 where the connection ends without one. */
  async finish(): Promise<number> {
    this.socket.write(this.rest);
    for (;;) {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(this.#received)?.[1];
      if (status !== undefined && status !== '100') return Number(status);
      const data = new Promise((resolve) => this.socket.once('data', () => resolve(true)));
      const more = await Promise.race([data, this.#ended.then(() => false)]);
      if (!more && !/^HTTP\/1\.1 [2-5]/.test(this.#received)) return 0;
    }
  }

  leave(): void {
    this.socket.destroy();
  }
}

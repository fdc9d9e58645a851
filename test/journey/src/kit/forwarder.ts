import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** An address on loopback whose connections lead to the port that was named last, as a service of a cluster does. */
export class Forwarder {
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(private readonly server: Server) {
    server.on('connection', (client: Socket) => this.#forward(client));
  }

  static async start(): Promise<Forwarder> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Forwarder(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** New connections lead there from now on; those that are open stay where they are. */
  towards(port: number): void {
    this.#port = port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #forward(client: Socket): void {
    const target = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}

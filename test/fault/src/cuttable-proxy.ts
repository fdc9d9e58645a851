import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * `open`: bytes pass. `cut`: connections are reset, new ones too. `silent`: connections stay and are taken, no byte
 * passes. `replies_held`: what the client says arrives, what it is answered does not. What is held back passes when the
 * proxy opens again, as TCP would send it once more.
 */
export type ProxyState = 'open' | 'cut' | 'silent' | 'replies_held';

/**
 * A TCP proxy on loopback whose connections can be cut or silenced, all of them or those whose client has said
 * something.
 */
export class CuttableProxy {
  readonly #connections = new Set<Connection>();
  #state: ProxyState = 'open';
  #said: RegExp = /^/;

  #target: URL | undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (client: Socket) => this.#take(client));
  }

  /** It listens at once, and leads nowhere until `towards` is called. */
  static async start(): Promise<CuttableProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttableProxy(server);
  }

  /** Leads to the server that this URL names; returns the URL with the proxy's address. */
  towards(target: string): string {
    this.#target = new URL(target);
    const url = new URL(target);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.href;
  }

  /** `said`: only for connections whose client has said this, or will. Default: all. */
  set(state: ProxyState, said = /^/): void {
    this.#state = state;
    this.#said = said;
    for (const connection of this.#connections) this.#apply(connection);
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.reset();
    this.server.close();
    await once(this.server, 'close');
  }

  #take(client: Socket): void {
    const { port, hostname } = this.#target!;
    const connection = new Connection(client, connect(Number(port), hostname), () => this.#apply(connection));
    this.#connections.add(connection);
    client.once('close', () => this.#connections.delete(connection));
    this.#apply(connection);
  }

  #apply(connection: Connection): void {
    const state = connection.hasSaid(this.#said) ? this.#state : 'open';
    if (state === 'cut') connection.reset();
    else connection.hold({ requests: state === 'silent', replies: state !== 'open' });
  }
}

/** What of a client's words is kept, to be looked through. */
const KEPT_CHARACTERS = 200;

class Connection {
  #words = '';

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    heard: () => void,
  ) {
    server.setNoDelay(true);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.once('close', () => other.destroy());
    }
    server.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      this.#words = (this.#words + bytes.toString('latin1')).slice(-KEPT_CHARACTERS);
      heard();
      if (client.isPaused()) client.unshift(bytes);
      else server.write(bytes);
    });
  }

  hasSaid(words: RegExp): boolean {
    return words.test(this.#words);
  }

  hold({ requests, replies }: { requests: boolean; replies: boolean }): void {
    if (requests) this.client.pause();
    else this.client.resume();
    if (replies) this.server.pause();
    else this.server.resume();
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.server.destroy();
  }
}

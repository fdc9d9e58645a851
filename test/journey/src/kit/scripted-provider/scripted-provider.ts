import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Play, type SeenConnection } from './play.js';
import { ReceivedRequests, type ReceivedRequest } from './received-requests.js';
import { plain, type Script } from './steps.js';

/** A provider that does what a test says, byte by byte: what HTTP servers of a library would never send, too. */
export interface ScriptedProvider {
  /** What an entry of the configuration with this name takes as its base URL. */
  baseUrl(entry: string): string;
  /** Says what requests for this model are answered with, whichever entry they come through. */
  play(model: string, scripts: readonly Script[]): Play;
  /** Breaks what is under way and resolves when the port is free. */
  stop(): Promise<void>;
}

/** Starts one on a free port of loopback. A model without a play is answered 404, what is no JSON 400. */
export async function startScriptedProvider(): Promise<ScriptedProvider> {
  const plays = new Map<string, Play>();
  const connections = new Set<Connection>();
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(socket, connections.size + 1, plays);
    connections.add(connection);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: (entry) => `http://127.0.0.1:${port}/${entry}/v1`,
    play(model, scripts) {
      const play = new Play(scripts);
      plays.set(model, play);
      return play;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const connection of connections) connection.end();
      await closed;
    },
  };
}

/** One connection: its requests are answered one after the other. */
class Connection implements SeenConnection {
  requests = 0;
  isClosed = false;
  readonly closed: Promise<void>;
  readonly #received = new ReceivedRequests();
  #answering: Promise<void> = Promise.resolve();

  constructor(
    private readonly socket: Socket,
    readonly number: number,
    private readonly plays: ReadonlyMap<string, Play>,
  ) {
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.isClosed = true;
        resolve();
      }),
    );
    // A connection that the other side resets closes right after; without a listener the error would end the process.
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      for (const request of this.#received.push(bytes))
        this.#answering = this.#answering.then(() => this.#answer(request));
    });
  }

  end(): void {
    this.socket.destroy();
  }

  async #answer(request: ReceivedRequest): Promise<void> {
    const reused = this.requests++ > 0;
    const model = modelOf(request.body);
    const play = model === null ? undefined : this.plays.get(model);
    if (play === undefined) return this.#refuse(model === null ? '400 Bad Request' : '404 Not Found');
    await play.answer({ ...request, entry: request.path.split('/')[1] ?? '', connection: this, reused }, this.socket);
  }

  #refuse(status: string): void {
    const [refusal] = plain('{"error":{"message":"nothing is said about such a request"}}', { status });
    this.socket.write(refusal as Buffer);
  }
}

/** Null for a body that is no JSON. */
function modelOf(body: Buffer): string | null {
  try {
    return String((JSON.parse(body.toString('utf8')) as { model?: unknown }).model);
  } catch {
    return null;
  }
}

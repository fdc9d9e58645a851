import { once } from 'node:events';
import {
  Agent,
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A process behind a balancer. */
export interface Backend {
  readonly port: number;
  /** Its operations listener: `/readyz` there says whether it wants new calls. */
  readonly operationsPort: number;
}

/** How often `/readyz` of each process is asked, in ms. */
const PROBE_INTERVAL_MS = 250;
/** After what silence it counts as not ready. A process of a busy machine takes long to answer, and is ready. */
const PROBE_TIMEOUT_MS = 10_000;

/**
 * The processes that share one address, as the endpoints of a Kubernetes Service do: a new call goes to the next one
 * that says that it is ready and was not taken out.
 */
class Backends {
  readonly #ready = new Map<Backend, boolean>();
  #turn = 0;

  add(backend: Backend, isReady: boolean): void {
    this.#ready.set(backend, isReady);
    void this.#probe(backend);
  }

  remove(backend: Backend): void {
    this.#ready.delete(backend);
  }

  /** The order in which the processes are tried for one call: those that are ready, each first in its turn. */
  next(): Backend[] {
    const ready = [...this.#ready].flatMap(([backend, isReady]) => (isReady ? [backend] : []));
    this.#turn += 1;
    const first = ready.length === 0 ? 0 : this.#turn % ready.length;
    return [...ready.slice(first), ...ready.slice(0, first)];
  }

  close(): void {
    this.#ready.clear();
  }

  /** One look after the other, so that no late answer counts for more than a later one. */
  async #probe(backend: Backend): Promise<void> {
    while (this.#ready.has(backend)) {
      const isReady = await fetch(`http://127.0.0.1:${backend.operationsPort}/readyz`, {
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (this.#ready.has(backend)) this.#ready.set(backend, isReady);
      await delay(PROBE_INTERVAL_MS, undefined, { ref: false });
    }
  }
}

/**
 * Balances connections, as a Kubernetes Service does: a connection stays with its process. One that is refused is
 * offered to the next process.
 */
export class ConnectionBalancer {
  readonly #backends = new Backends();
  readonly #open = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (client: Socket) => this.#join(client, this.#backends.next()));
  }

  static async start(): Promise<ConnectionBalancer> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ConnectionBalancer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** `isReady`: it gets calls at once, else when it says that it is ready. */
  add(backend: Backend, isReady: boolean): void {
    this.#backends.add(backend, isReady);
  }

  remove(backend: Backend): void {
    this.#backends.remove(backend);
  }

  async stop(): Promise<void> {
    this.#backends.close();
    for (const socket of this.#open) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(client: Socket, [backend, ...others]: readonly Backend[]): void {
    if (backend === undefined) return void client.destroy();
    const upstream = connect({ port: backend.port, host: '127.0.0.1', allowHalfOpen: true });
    const refused = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ECONNREFUSED') this.#join(client, others);
      else client.destroy();
    };
    upstream.once('error', refused);
    upstream.once('connect', () => {
      upstream.off('error', refused);
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#open.add(one);
        one.once('error', () => other.destroy());
        one.once('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }
}

/**
 * Balances calls, as an ingress controller does: it keeps connections to each process, and gives each call to the next
 * one. Only a call whose connection was refused is tried at another process; every other failure is the client's.
 */
export class CallBalancer {
  readonly #backends = new Backends();
  readonly #agents = new Map<Backend, Agent>();

  private constructor(private readonly server: HttpServer) {
    server.on('request', (ask: IncomingMessage, reply: ServerResponse) => this.#forward(ask, reply));
  }

  static async start(): Promise<CallBalancer> {
    const server = createHttpServer({ keepAliveTimeout: 120_000 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CallBalancer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** `isReady`: it gets calls at once, else when it says that it is ready. */
  add(backend: Backend, isReady: boolean): void {
    this.#agents.set(backend, new Agent({ keepAlive: true }));
    this.#backends.add(backend, isReady);
  }

  remove(backend: Backend): void {
    this.#backends.remove(backend);
  }

  async stop(): Promise<void> {
    this.#backends.close();
    for (const agent of this.#agents.values()) agent.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  #forward(ask: IncomingMessage, reply: ServerResponse): void {
    const body: Buffer[] = [];
    ask.on('data', (part: Buffer) => body.push(part));
    ask.once('end', () => this.#try(ask, Buffer.concat(body), reply, this.#backends.next()));
  }

  #try(ask: IncomingMessage, body: Buffer, reply: ServerResponse, [backend, ...others]: readonly Backend[]): void {
    if (backend === undefined) return void reply.writeHead(502).end('no process is ready');
    const { connection: _, 'transfer-encoding': __, ...headers } = ask.headers;
    const call = request({
      port: backend.port,
      host: '127.0.0.1',
      agent: this.#agents.get(backend),
      method: ask.method,
      path: ask.url,
      headers: { ...headers, ...(body.length > 0 && { 'content-length': body.length }) },
    });
    call.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.#try(ask, body, reply, others);
      else if (reply.headersSent) reply.destroy();
      else reply.writeHead(502).end(`the connection broke: ${error.code ?? error.message}`);
    });
    call.once('response', (answer) => {
      const { connection: ___, 'keep-alive': ____, ...answerHeaders } = answer.headers;
      reply.writeHead(answer.statusCode!, answerHeaders);
      answer.pipe(reply);
      answer.once('error', () => reply.destroy());
      answer.once('aborted', () => reply.destroy());
    });
    reply.once('close', () => {
      if (!reply.writableFinished) call.destroy();
    });
    call.end(body);
  }
}

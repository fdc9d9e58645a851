import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { checkStandingBehaviour, type StandingBehaviour } from './behaviour.js';
import { answerChat } from './chat/answer.js';
import { answerCompletions } from './completions/answer.js';
import { answerEmbeddings } from './embeddings.js';
import { answerControl, type Controlled } from './control.js';
import { Exchange } from './exchange.js';
import { Gate } from './gate.js';
import { errorOfStatus, invalidRequest } from './errors.js';
import { RequestLog, type LogEntry } from './log.js';
import { Memory } from './memory.js';
import { answerCountTokens, answerMessages } from './messages/answer.js';
import { answerModels } from './models.js';
import { operationAt, type Operation } from './operation.js';
import { answerCompact, answerResponses } from './responses/answer.js';
import { StandingBehaviours } from './standing-behaviour.js';

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free one. */
  port?: number;
  /**
   * When given, `/v1` asks for it as a bearer token, `/v1/messages` for that or the header `x-api-key`, and `/openai`
   * for the header `api-key`; all answer 401 otherwise.
   */
  requiredCredential?: string;
  /** Log entries kept; default 100,000, about a kilobyte each. */
  logLimit?: number;
  /**
   * What every answer names in a field `provider`, so that nobody takes it for a real one's. Default: no such field, as
   * OpenAI has none.
   */
  shownProvider?: string;
}

/** A running simulator. */
export interface ProviderSimulator {
  /** Without a path: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What an OpenAI client takes as its base URL: `url` + `/v1`. */
  readonly baseUrl: string;
  readonly port: number;
  /** A copy of the log, oldest first. */
  log(): LogEntry[];
  /** The kept part of the body of the request with that number in the log; undefined when it is no longer there. */
  body(n: number): Buffer | undefined;
  /** Replaces the standing behaviour. Throws a TypeError that names every wrong field. */
  setBehaviour(behaviour: StandingBehaviour): void;
  closeGate(): void;
  openGate(): void;
  /** Default behaviour, open gate. The log stays. */
  reset(): void;
  /** Breaks what is under way and resolves when the port is free. Repeatable. */
  stop(): Promise<void>;
}

const largestBody = 64 * 1024 * 1024;

/** Starts a simulator in this process. Rejects when the port cannot be had. */
export async function startProviderSimulator(options: SimulatorOptions = {}): Promise<ProviderSimulator> {
  const controlled: Controlled = {
    standing: new StandingBehaviours(),
    gate: new Gate(),
    log: new RequestLog(options.logLimit ?? 100_000),
    memory: new Memory(),
  };
  const { standing, gate, log } = controlled;
  let stopped: Promise<void> | undefined;
  const server = createServer({ noDelay: true, keepAliveTimeout: 75_000 }, (request, response) =>
    receive(controlled, options, () => stopped !== undefined, request, response),
  );
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const { url, port } = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
  return {
    url,
    baseUrl: `${url}/v1`,
    port,
    log: () => log.after(0),
    body: (n) => log.body(n),
    setBehaviour(behaviour) {
      const checked = checkStandingBehaviour(behaviour);
      if (checked.kind === 'invalid') throw new TypeError(checked.problems.join('; '));
      standing.set(checked.behaviour);
    },
    closeGate: () => gate.close(),
    openGate: () => gate.open(),
    reset() {
      standing.set({});
      gate.open();
    },
    stop: () => (stopped ??= close(server, sockets)),
  };
}

async function listen(server: Server, host: string, port: number): Promise<{ url: string; port: number }> {
  // A thousand connections may come in one turn; the default queue of 511 would make some of them wait a second.
  server.listen({ host, port, backlog: 4096 });
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return { url: `http://${name.includes(':') ? `[${name}]` : name}:${bound}`, port: bound };
}

/**
 * The server's own `close` comes before that of its connections, which put the last word into the log: wait for both.
 */
async function close(server: Server, sockets: Set<Socket>): Promise<void> {
  const closed = [new Promise((resolve) => server.close(resolve))];
  for (const socket of sockets) {
    closed.push(new Promise((resolve) => socket.once('close', resolve)));
    socket.destroy();
  }
  await Promise.all(closed);
}

function receive(
  controlled: Controlled,
  { requiredCredential, shownProvider }: SimulatorOptions,
  stopping: () => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const method = request.method ?? '';
  const target = request.url ?? '/';
  if (target.startsWith('/simulator/')) {
    return collect(request, (body) =>
      answerControl(controlled, method, new URL(target, 'http://simulator'), body, response),
    );
  }
  const [path = '', query = ''] = target.split('?', 2);
  const entry = controlled.log.open(method, path, query, request.headers);
  const exchange = new Exchange(response, entry, stopping, shownProvider);
  collect(request, (body) => {
    exchange.entry.body_bytes = body.length;
    controlled.log.keepBody(exchange.entry.n, body);
    answer(controlled, exchange, requiredCredential, request.headers, body).catch((bug: unknown) => {
      console.error(bug);
      response.destroy();
    });
  });
}

async function answer(
  controlled: Controlled,
  exchange: Exchange,
  credential: string | undefined,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<void> {
  const { method, path, query } = exchange.entry;
  const speaksAnthropic = 'anthropic-version' in headers;
  const operation = operationAt(method, path, speaksAnthropic);
  exchange.errors = operation?.errors ?? 'openai';
  if (credential !== undefined && !isKnown(operation, headers, credential))
    return exchange.refuse(401, errorOfStatus(401));
  if (operation === undefined)
    return exchange.refuse(404, invalidRequest(`Invalid URL (${method} ${path})`, null, 'unknown_url'));
  if (operation.versioned && !new URLSearchParams(query).has('api-version'))
    return exchange.refuse(404, invalidRequest('Resource not found', null, '404'));
  switch (operation.kind) {
    case 'chat':
      return answerChat(exchange, body, operation, controlled);
    case 'completions':
      return answerCompletions(exchange, body, operation, controlled);
    case 'embeddings':
      return answerEmbeddings(exchange, body, operation.deployment, controlled);
    case 'responses':
      return answerResponses(exchange, body, controlled);
    case 'compact':
      return answerCompact(exchange, body, controlled);
    case 'messages':
      return answerMessages(exchange, body, controlled);
    case 'count_tokens':
      return answerCountTokens(exchange, body, controlled);
    case 'models':
      return answerModels(exchange, speaksAnthropic);
  }
}

function isKnown(operation: Operation | undefined, headers: IncomingHttpHeaders, credential: string): boolean {
  if (operation?.azure === true) return headers['api-key'] === credential;
  if (operation?.errors === 'anthropic' && headers['x-api-key'] === credential) return true;
  return headers.authorization === `Bearer ${credential}`;
}

/**
 * Hands over the whole body; a client that leaves before it has sent it all is never answered, nor is one that sends
 * too much.
 */
function collect(request: IncomingMessage, whole: (body: Buffer) => void): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  request.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes > largestBody) return void request.destroy();
    parts.push(part);
  });
  request.on('end', () => whole(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
  // The response's `close` tells what became of it; without a listener an aborted upload would end the process.
  request.on('error', () => undefined);
}

import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

interface Open {
  /** When each was taken, by `performance.now()`. */
  readonly sockets: Map<Socket, number>;
  /** Requests that the framework has not answered yet. */
  readonly requests: Set<IncomingMessage>;
}

const OPEN = new WeakMap<Server, Open>();

/** Keeps count of a server's connections, and of the requests that the framework on it answers. Before it listens. */
export function trackConnections(server: Server, fastify: FastifyInstance): void {
  const open: Open = { sockets: new Map(), requests: new Set() };
  OPEN.set(server, open);
  server.on('connection', (socket) => {
    open.sockets.set(socket, performance.now());
    socket.once('close', () => open.sockets.delete(socket));
  });
  fastify.addHook('onRequest', (request, _reply, done) => {
    open.requests.add(request.raw);
    done();
  });
  fastify.addHook('onResponse', (request, _reply, done) => {
    open.requests.delete(request.raw);
    done();
  });
}

/** The age of the connection of a server that was taken last, in milliseconds; Infinity where none is open. */
export function youngest(server: Server): number {
  let last = -Infinity;
  for (const takenAt of OPEN.get(server)?.sockets.values() ?? []) last = takenAt;
  return performance.now() - last;
}

/**
 * Ends every connection on which no request that has come whole is being answered: a client that sends half a head or
 * half a body, or that went away without a word, would hold up a stop for as long as it likes, for a server that is
 * closing looks after no time-out any more. `answering`: requests that are answered beside the framework. What was
 * written is sent first. Returns how many were ended.
 */
export function endUnfinished(server: Server, answering: Iterable<IncomingMessage>): number {
  const open = OPEN.get(server);
  if (open === undefined) return 0;
  const busy = new Set<Socket>();
  for (const request of [...open.requests, ...answering]) if (request.complete) busy.add(request.socket);
  let ended = 0;
  for (const socket of open.sockets.keys()) {
    if (busy.has(socket)) continue;
    socket.destroySoon();
    ended += 1;
  }
  return ended;
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Requests whose clients wait to be asked for their body, and whether their connections were to be kept. */
const waiting = new WeakMap<IncomingMessage, boolean>();

/**
 * Clients that send `Expect: 100-continue` hold their body back until they are asked for it (RFC 9110, section 10.1.1).
 * By itself Node.js asks at once. Here it is done by `askForBody`, when the head has been found good: what is refused
 * by its head is answered with its final status, and the connection is closed, since nobody knows whether a body
 * follows all the same.
 */
export function holdContinue(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, reply: ServerResponse) => {
    waiting.set(request, reply.shouldKeepAlive);
    reply.shouldKeepAlive = false;
    server.emit('request', request, reply);
  });
}

/** To be called before a body is read. */
export function askForBody(request: IncomingMessage, reply: ServerResponse): void {
  const keepAlive = waiting.get(request);
  if (keepAlive === undefined) return;
  waiting.delete(request);
  reply.shouldKeepAlive = keepAlive;
  reply.writeContinue();
}

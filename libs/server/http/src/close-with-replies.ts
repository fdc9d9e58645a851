import { ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';

type ReplyClass = typeof ServerResponse;

const REPLIES = new WeakMap<Server, ReplyClass>();
/** What notes the requests of servers that close connections with their replies. */
const NOTING = new WeakMap<Server, (request: IncomingMessage) => void>();

/**
 * The replies of one server, as a class of its own: what is changed in it counts for requests in flight too, and costs
 * nothing before. Give it to the server as its `ServerResponse`, and name it to `closeWithReplies` by `noteReplies`.
 */
export function ownReplies(): ReplyClass {
  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {};
}

/** Notes the class that a server makes its replies of. */
export function noteReplies(server: Server, replies: ReplyClass): void {
  REPLIES.set(server, replies);
}

/**
 * From now on each reply of a server whose head has not gone out yet says `Connection: close`, and its connection ends
 * with it. A stream whose head has gone out ends as it would have. Where a client has sent requests one behind the
 * other without waiting (RFC 9112, section 9.3.2), no reply closes behind which another is due: a call that is under
 * way is paid for.
 */
export function closeWithReplies(server: Server): void {
  const replies = REPLIES.get(server);
  if (replies === undefined || Object.hasOwn(replies.prototype, 'writeHead')) return;
  const lastOf = new WeakMap<Socket, IncomingMessage>();
  const note = (request: IncomingMessage): void => void lastOf.set(request.socket, request);
  server.prependListener('request', note);
  NOTING.set(server, note);
  // Every way to send a reply leads through this method. It sees to the header itself.
  replies.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    const last = lastOf.get(this.req.socket);
    // A reply without a socket waits for the one before it.
    if (this.socket !== null && (last === undefined || last === this.req)) this.shouldKeepAlive = false;
    return (ServerResponse.prototype.writeHead as (...args: unknown[]) => ServerResponse).apply(this, args);
  };
}

/** Undoes `closeWithReplies`: what is answered from now on keeps its connection as its client asks. */
export function keepWithReplies(server: Server): void {
  const replies = REPLIES.get(server);
  if (replies !== undefined) Reflect.deleteProperty(replies.prototype, 'writeHead');
  server.off('request', NOTING.get(server) ?? (() => undefined));
}

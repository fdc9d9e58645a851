import { ServerResponse, type IncomingMessage, type Server } from 'node:http';

type ReplyClass = typeof ServerResponse;

const REPLIES = new WeakMap<Server, ReplyClass>();

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
 * with it. A stream whose head has gone out ends as it would have.
 */
export function closeWithReplies(server: Server): void {
  const replies = REPLIES.get(server);
  if (replies === undefined || Object.hasOwn(replies.prototype, 'writeHead')) return;
  // Every way to send a reply leads through this method. It sees to the header itself.
  replies.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    this.shouldKeepAlive = false;
    return (ServerResponse.prototype.writeHead as (...args: unknown[]) => ServerResponse).apply(this, args);
  };
}

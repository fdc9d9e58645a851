import { Server, type IncomingMessage } from 'node:http';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { closeWithReplies, keepWithReplies } from './close-with-replies.js';
import { endUnfinished, youngest } from './open-connections.js';

const LOOK_MS = 50;
/** A listener is closed when no connection has come for this long … */
const QUIET_MS = 100;
/** … or when they have gone on coming for this long, or have left no turn of the event loop empty since the last. */
const QUIET_MS_MAX = 500;
/** The most connections that the system keeps for us: Node.js asks for 511, and Linux keeps one more. */
const WAITING_MAX = 512;
/** A turn of the event loop in which nothing is done. */
const SHORT_TURN_MS = 0.1;
/** The first request of a connection is on its way for no longer than this. */
const FIRST_REQUEST_MS = 1_000;
/** How long a stop waits for a request to come whole. */
const UNFINISHED_MS_MAX = 5_000;
/** A stop that waits long says so again. */
const TELL_MS = 10_000;

/** How long requests in flight may take, and where to tell of them. */
export interface StopListeningOptions {
  /** For how long requests are still served, on new connections too; default 0. */
  readonly windowMs?: number;
  /** Requests that are not answered after it are cut off; default: as long as they take. */
  readonly graceMs?: number;
  /** Hears what is waited for, a line each. */
  readonly tell?: (line: string) => void;
  /**
   * Requests that are answered beside the framework, and not yet: what is waited for is counted by them. Where left
   * out, by the open connections that are not idle.
   */
  readonly answering?: () => Iterable<IncomingMessage>;
}

/**
 * Stops a server without refusing anybody who could not know. In the window, requests are served, each reply closes
 * its connection (`Connection: close`), and idle connections are left alone: a balancer that keeps one may be sending a
 * request on it. Then no new connection is taken, those that are idle or fall idle are closed, and the promise resolves
 * when the last request is answered. What the system had taken for us by then is served: connections, and requests on
 * them, also one that is still on its way on a connection that has just been made. The application goes on working:
 * what requests in flight need is closed after this, with `app.close()`.
 */
export async function stopListening(
  app: NestFastifyApplication,
  { windowMs = 0, graceMs, tell = () => undefined, answering }: StopListeningOptions = {},
): Promise<void> {
  const server = app.getHttpServer() as Server;
  if (!server.listening) return;
  closeWithReplies(server);
  spareYoung(server, Math.min(FIRST_REQUEST_MS, windowMs));
  if (windowMs > 0) {
    await pause(windowMs);
    tell('taking no new requests');
    await letConnectionsBeKept(server);
  }
  await takeWaiting(server);
  // Nothing comes between: what arrives now is reset.
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  closeWithReplies(server);
  let toldAt = -Infinity;
  const tellOf = (count: number): void => {
    if (count === 0 || performance.now() - toldAt < TELL_MS) return;
    toldAt = performance.now();
    tell(`waiting for ${count} request${count === 1 ? '' : 's'} in flight`);
  };
  if (answering !== undefined) tellOf([...answering()].length);
  const unfinishedUntil = performance.now() + UNFINISHED_MS_MAX;
  const look = setInterval(() => {
    // What has come on a connection is read before it is called idle.
    setImmediate(() => server.closeIdleConnections());
    if (performance.now() > unfinishedUntil) {
      const ended = endUnfinished(server, answering?.() ?? []);
      if (ended > 0) tell(`ended ${ended} connection${ended === 1 ? '' : 's'} whose requests had not come whole`);
    }
    if (answering !== undefined) tellOf([...answering()].length);
    else server.getConnections((_error, count) => tellOf(count));
  }, LOOK_MS);
  const cut = graceMs === undefined ? undefined : setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(look);
  clearTimeout(cut);
}

/**
 * Makes a server leave its idle connections alone while one of them is younger than this. Node.js takes a connection
 * for idle as long as nothing has come on it, and ends those when it closes the listener, too.
 */
function spareYoung(server: Server, ms: number): void {
  server.closeIdleConnections = () => {
    if (youngest(server) >= ms) Server.prototype.closeIdleConnections.call(server);
  };
}

/**
 * Lets replies keep their connections for a moment. A proxy that asks nobody whether we are ready sends us requests to
 * the last, and as long as each reply closes its connection, it makes a new one for each of them: some would be on
 * their way when the listener is closed, and be reset. With connections that it can use again it makes no new one.
 */
async function letConnectionsBeKept(server: Server): Promise<void> {
  keepWithReplies(server);
  const came = countConnections(server);
  const until = performance.now() + QUIET_MS_MAX;
  for (let before = -1; before !== came.count && performance.now() < until;) {
    before = came.count;
    await pause(QUIET_MS);
  }
  came.stop();
}

/**
 * Takes the connections that wait at a listener. The system completes a connection by itself and keeps it until the
 * program takes it; closing the listener resets those that wait, though their clients have sent a request by then.
 * Node.js looks for one connection in each turn of its event loop. So a turn that brings none and is over at once has
 * left none, but for those of its own time: whoever closes the listener at its end resets these alone. As many as can
 * wait are taken however long that takes; those that come behind them are too late.
 */
async function takeWaiting(server: Server): Promise<void> {
  const came = countConnections(server);
  await turn();
  for (let lastAt = performance.now(); came.count < WAITING_MAX;) {
    const [before, beganAt] = [came.count, performance.now()];
    await turn();
    const now = performance.now();
    if (came.count > before) lastAt = now;
    else if (now - beganAt <= SHORT_TURN_MS || now - lastAt > QUIET_MS_MAX) break;
  }
  came.stop();
}

/** Counts the connections that a server takes from now on, until it is stopped. */
function countConnections(server: Server): { readonly count: number; stop(): void } {
  let count = 0;
  const note = (): void => void (count += 1);
  server.on('connection', note);
  return {
    get count() {
      return count;
    },
    stop: () => void server.off('connection', note),
  };
}

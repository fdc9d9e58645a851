import type { IncomingMessage, Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { closeWithReplies } from './close-with-replies.js';
import { endUnfinished } from './open-connections.js';

const LOOK_MS = 50;
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
 * when the last request is answered. The application goes on working: what requests in flight need is closed after
 * this, with `app.close()`.
 */
export async function stopListening(
  app: NestFastifyApplication,
  { windowMs = 0, graceMs, tell = () => undefined, answering }: StopListeningOptions = {},
): Promise<void> {
  const server = app.getHttpServer() as Server;
  if (!server.listening) return;
  closeWithReplies(server);
  if (windowMs > 0) {
    await pause(windowMs);
    tell('taking no new requests');
  }
  let toldAt = -Infinity;
  const tellOf = (count: number): void => {
    if (count === 0 || performance.now() - toldAt < TELL_MS) return;
    toldAt = performance.now();
    tell(`waiting for ${count} request${count === 1 ? '' : 's'} in flight`);
  };
  if (answering !== undefined) tellOf([...answering()].length);
  const unfinishedUntil = performance.now() + UNFINISHED_MS_MAX;
  const look = setInterval(() => {
    server.closeIdleConnections();
    if (performance.now() > unfinishedUntil) {
      const ended = endUnfinished(server, answering?.() ?? []);
      if (ended > 0) tell(`ended ${ended} connection${ended === 1 ? '' : 's'} whose requests had not come whole`);
    }
    if (answering !== undefined) tellOf([...answering()].length);
    else server.getConnections((_error, count) => tellOf(count));
  }, LOOK_MS);
  const cut = graceMs === undefined ? undefined : setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(look);
  clearTimeout(cut);
}

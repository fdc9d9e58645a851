import type { IncomingMessage, Server } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { endUnfinished } from './open-connections.js';

const LOOK_MS = 50;
/** How long a stop waits for a request to come whole. */
const UNFINISHED_MS_MAX = 5_000;
/** A stop that waits long says so again. */
const TELL_MS = 10_000;

/** How long requests in flight may take, and where to tell of them. */
export interface StopListeningOptions {
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
 * Takes no new connection, closes those that are idle or fall idle, and resolves when the last request is answered.
 * The application goes on working: what requests in flight need is closed after this, with `app.close()`.
 */
export async function stopListening(
  app: NestFastifyApplication,
  { graceMs, tell = () => undefined, answering }: StopListeningOptions = {},
): Promise<void> {
  const server = app.getHttpServer() as Server;
  if (!server.listening) return;
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

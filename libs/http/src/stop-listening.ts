import type { Server } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

const LOOK_MS = 50;

/**
 * Takes no new connection, closes those that are idle or fall idle, and resolves when the last request is answered.
 * The application goes on working: what requests in flight need is closed after this, with `app.close()`. Requests that
 * are not answered after `graceMs` (default: as long as they take) are cut off.
 */
export async function stopListening(app: NestFastifyApplication, graceMs?: number): Promise<void> {
  const server = app.getHttpServer() as Server;
  if (!server.listening) return;
  const look = setInterval(() => server.closeIdleConnections(), LOOK_MS);
  const cut = graceMs === undefined ? undefined : setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(look);
  clearTimeout(cut);
}

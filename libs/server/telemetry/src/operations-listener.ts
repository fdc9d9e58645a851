import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inTime } from '@tollgate/periodic';
import type { Registry } from 'prom-client';

/** Whether this process should receive requests, and how the parts are that it works with. */
export interface Readiness {
  readonly ready: boolean;
  /** The parts by name (`journal`, `postgres`, `redis`, `kafka`, …); true if the part works. Not all of them decide. */
  readonly checks: Readonly<Record<string, boolean>>;
  /** While the process is not between its start and its stop. */
  readonly stage?: 'starting' | 'stopping';
  /** What a start is waiting for. */
  readonly waitingFor?: string;
}

/** Where to listen, and what to say of readiness and metrics. */
export interface OperationsListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly ready: () => Promise<Readiness>;
  readonly registry: Registry;
  /** Milliseconds after which a check counts as failed; orchestrators' probes wait a second or so. Default 2,000. */
  readonly readyTimeoutMs?: number;
}

/** A listener that is open. */
export interface OperationsListener {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

const READY_TIMEOUT_MS = 2_000;

/**
 * Listens for operators, never for callers: `/livez` and `/healthz` (200 while the event loop turns, whatever else is
 * away), `/readyz` (200 or 503, with the checks) and `/metrics` (Prometheus). A process opens it before all else that
 * takes time, so that a start that waits is not taken for a dead one. Rejects if it cannot bind the port.
 */
export async function startOperationsListener({
  host,
  port,
  ready,
  registry,
  readyTimeoutMs = READY_TIMEOUT_MS,
}: OperationsListenerOptions): Promise<OperationsListener> {
  const alive = async (reply: ServerResponse): Promise<void> => sendJson(reply, 200, { status: 'ok' });
  const pages: Readonly<Record<string, (reply: ServerResponse) => Promise<void>>> = {
    '/healthz': alive,
    '/livez': alive,
    '/readyz': async (reply) => {
      const { ready: isReady, checks, stage, waitingFor } = await readinessWithin(ready, readyTimeoutMs);
      const status = isReady ? 'ready' : (stage ?? 'not_ready');
      sendJson(reply, isReady ? 200 : 503, {
        status,
        ...(waitingFor !== undefined && { waiting_for: waitingFor }),
        checks,
      });
    },
    '/metrics': async (reply) => send(reply, 200, registry.contentType, await registry.metrics()),
  };
  const server = createServer((request, reply) => {
    const page = Object.hasOwn(pages, pathOf(request.url)) ? pages[pathOf(request.url)] : undefined;
    if (page === undefined) return sendJson(reply, 404, { status: 'not_found' });
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendJson(reply, 405, { status: 'method_not_allowed' });
    page(reply).catch(() => sendJson(reply, 500, { status: 'error' }));
  });
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return { url: `http://${reachable(host)}:${bound}`, close: () => close(server) };
}

/** As a URL has it. What listens on every address is reached by loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

const pathOf = (url: string | undefined): string => (url ?? '/').split('?', 1)[0] ?? '/';

async function readinessWithin(ready: () => Promise<Readiness>, timeoutMs: number): Promise<Readiness> {
  const asked = ready().catch(() => ({ ready: false, checks: { check_completed: false } }));
  return inTime(asked, timeoutMs, () => ({ ready: false, checks: { answered_in_time: false } }));
}

function sendJson(reply: ServerResponse, status: number, body: object): void {
  send(reply, status, 'application/json', JSON.stringify(body));
}

function send(reply: ServerResponse, status: number, contentType: string, body: string): void {
  reply.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  reply.end(body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

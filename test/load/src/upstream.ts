import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LAST_CHUNK, plainReply, streamPortions } from './bodies.js';
import { RequestIds } from './request-ids.js';
import { isPaced, isStream, UPSTREAM_REPLIES, type UpstreamReply } from './scenarios.js';

/**
 * The provider under load: answers prepared bytes, by the first part of the path, and keeps the id of every request
 * that has one. The provider simulator, with a log entry and a parsed body for each request, would be what is measured.
 *
 * Argument: at how many addresses it answers, by default one. Builds that are compared call one each, so that the ids
 * of their requests are kept apart while one process, equally warm for all, answers them.
 *
 * POST /<reply>/v1/… · GET /request-ids (36 bytes each) · GET /request-ids/count
 */
const addresses = Number(process.argv[2] ?? 1);

const PACE_MS = 20;

const streamHead = ['content-type', 'text/event-stream', 'transfer-encoding', 'chunked'];

const replies = Object.fromEntries(
  Object.keys(UPSTREAM_REPLIES).map((name) => [name, replyOf(name as UpstreamReply)]),
) as Readonly<Record<UpstreamReply, (response: ServerResponse) => void>>;

function replyOf(upstreamReply: UpstreamReply): (response: ServerResponse) => void {
  const dialect = UPSTREAM_REPLIES[upstreamReply];
  if (isStream({ upstreamReply })) {
    const portions = streamPortions(dialect === 'messages' ? dialect : 'chat', isPaced({ upstreamReply }));
    return isPaced({ upstreamReply }) ? paced(portions) : bursts(portions);
  }
  const body = plainReply(dialect);
  const head = ['content-type', 'application/json', 'content-length', String(body.length)];
  return (response) => {
    response.writeHead(200, head);
    response.end(body);
  };
}

function bursts(portions: readonly Buffer[]): (response: ServerResponse) => void {
  return (response) => {
    beginStream(response);
    burst(response, portions, 0);
  };
}

function paced(portions: readonly Buffer[]): (response: ServerResponse) => void {
  return (response) => {
    beginStream(response);
    response.write(portions[0]!);
    let next = 1;
    const timer = setInterval(() => {
      response.write(portions[next++]!);
      if (next < portions.length) return;
      clearInterval(timer);
      response.end(LAST_CHUNK);
    }, PACE_MS);
    response.once('close', () => clearInterval(timer));
  };
}

/** The portions are chunks of HTTP already. */
function beginStream(response: ServerResponse): void {
  response.writeHead(200, streamHead);
  response.chunkedEncoding = false;
}

function burst(response: ServerResponse, portions: readonly Buffer[], n: number): void {
  if (response.destroyed) return;
  response.write(portions[n]!);
  if (n + 1 === portions.length) response.end(LAST_CHUNK);
  else setImmediate(burst, response, portions, n + 1);
}

function answer(ids: RequestIds, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  if (path === '/request-ids') return void response.end(ids.bytes());
  if (path === '/request-ids/count') return void response.end(String(ids.count));
  const id = request.headers['x-request-id'];
  if (typeof id === 'string') ids.add(id);
  const reply = replies[path.slice(1, path.indexOf('/', 1)) as UpstreamReply];
  request.resume();
  request.once('end', () => (reply === undefined ? response.writeHead(404).end() : reply(response)));
  request.on('error', () => undefined);
}

async function listen(): Promise<string> {
  const ids = new RequestIds();
  const server = createServer({ noDelay: true, keepAliveTimeout: 600_000 }, (request, response) => {
    answer(ids, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const urls = await Promise.all(Array.from({ length: addresses }, listen));
console.log(`upstream at ${urls.join(' ')}`);

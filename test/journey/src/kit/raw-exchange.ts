import { connect } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import { waitUntil } from '@tollgate/infra';
import { Reply } from './chat-reply.js';

/** How long a reply may take; one that hangs fails the test. */
const REPLY_MS_MAX = 30_000;

/**
 * Sends one request as given, with a target and headers that no client library would write, and reads the reply.
 * The connection stays open until the reply is whole, so that a server which waits for it to close would be seen.
 */
export async function rawExchange(
  url: string,
  requestLine: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = '',
): Promise<Reply> {
  const { hostname, port, host } = new URL(url);
  const payload = Buffer.from(body as string);
  const fields = { host, 'content-length': String(payload.length), ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  const head = [`${requestLine} HTTP/1.1`, ...lines, '', ''].join('\r\n');
  const socket = connect(Number(port), hostname);
  let received = Buffer.alloc(0);
  let error: Error | null = null;
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  socket.on('error', (each) => {
    error = each;
  });
  socket.write(Buffer.concat([Buffer.from(head), payload]));
  try {
    return await waitUntil(
      () => {
        if (error !== null && received.length === 0) throw error as Error;
        return Promise.resolve(wholeReply(received, requestLine.startsWith('HEAD ')) ?? false);
      },
      { what: `the reply to ${requestLine}`, timeoutMs: REPLY_MS_MAX },
    );
  } finally {
    socket.destroy();
  }
}

/** The reply, once its head and as much body as the head announces are there; undefined before. */
export function wholeReply(received: Buffer, withoutBody: boolean): Reply | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [statusLine, ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = Number(statusLine!.split(' ')[1]);
  const headers: IncomingHttpHeaders = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = withoutBody || status === 204 ? 0 : Number(headers['content-length']);
  const body = received.subarray(end + 4);
  if (body.length > length) throw new Error(`the reply has ${body.length} bytes of body and announces ${length}`);
  return body.length === length ? new Reply(status, headers, body.toString()) : undefined;
}

import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request of a client, as its bytes came, and the status of its answer. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  /** By lower-case name, in the order in which they came. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Null until the head of the answer has come. */
  status: number | null;
  /** `x-request-id` of the answer, or `request-id` as Anthropic names it. */
  requestId: string | null;
}

/** A server between a client and what it calls, which changes nothing and remembers what was sent. */
export interface Recorder {
  readonly url: string;
  readonly requests: readonly Recorded[];
  /** Called when the head of an answer has come, before the client sees it. */
  onAnswer: (recorded: Recorded) => void | Promise<void>;
  stop(): Promise<void>;
}

/** Starts a recorder before `target`, an origin as `http://127.0.0.1:8080`. */
export async function startRecorder(target: string): Promise<Recorder> {
  const requests: Recorded[] = [];
  const server = createServer((incoming, outgoing) => {
    void relay(target, incoming, outgoing, requests, (recorded) => recorder.onAnswer(recorded)).catch(() =>
      outgoing.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    onAnswer: () => undefined,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return recorder;
}

async function relay(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  requests: Recorded[],
  onAnswer: Recorder['onAnswer'],
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const { method = '', url: path = '/', headers } = incoming;
  const shown = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const recorded: Recorded = { method, path, headers: shown, body, status: null, requestId: null };
  requests.push(recorded);
  const { host: _, 'transfer-encoding': __, ...passed } = headers;
  const forwarded = request(target + path, { method, headers: { ...passed, 'content-length': body.length } });
  // A client that leaves is seen to leave behind us too.
  outgoing.once('close', () => forwarded.destroy());
  forwarded.end(body);
  const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
  recorded.status = answer.statusCode ?? null;
  recorded.requestId = String(answer.headers['x-request-id'] ?? answer.headers['request-id'] ?? '');
  await onAnswer(recorded);
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.once('error', () => outgoing.destroy());
  answer.pipe(outgoing);
}

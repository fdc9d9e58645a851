import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GithubSimulatorOptions {
  /** Where reports go, asked for at each report: `…/webhooks/github/secret-scanning`. */
  readonly webhookUrl: () => string;
  /** Where it listens: an address of this machine, default 127.0.0.1, and a port, default a free one. */
  readonly host?: string;
  readonly port?: number;
}

export interface GithubSimulator {
  /** Answers as GitHub's list of public keys does. */
  readonly publicKeysUrl: string;
  /**
   * A text POSTed here is reported, signed, as a secret that was found in a public commit; the reply is the webhook's.
   */
  readonly leakUrl: string;
  /** The headers of a report with these very bytes, for reports that a test makes up itself. */
  sign(body: string): Record<string, string>;
  /** How often the list of public keys was asked for. */
  keyListRequests(): number;
  stop(): Promise<void>;
}

const TEXT_BYTES_MAX = 1_000;
const FOUND_IN = 'https://github.com/octocat/Hello-World/blob/main/.env';

/**
 * Stands in for GitHub's secret scanning: publishes a key of its own and reports what it is told has leaked. Its
 * addresses are on loopback, wherever else it listens.
 */
export async function startGithubSimulator({
  webhookUrl,
  host = '127.0.0.1',
  port = 0,
}: GithubSimulatorOptions): Promise<GithubSimulator> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const identifier = createHash('sha256').update(pem).digest('hex');

  let keyListRequests = 0;

  const sign = (body: string): Record<string, string> => ({
    'content-type': 'application/json',
    'github-public-key-identifier': identifier,
    'github-public-key-signature': createSign('sha256').update(body).sign(privateKey, 'base64'),
  });

  async function report(secret: string): Promise<{ status: number; body: string }> {
    const body = JSON.stringify([{ token: secret, type: 'tollgate_api_key', url: FOUND_IN, source: 'commit' }]);
    const reply = await fetch(webhookUrl(), { method: 'POST', headers: sign(body), body });
    return { status: reply.status, body: await reply.text() };
  }

  const server = createServer((request, reply) => {
    void answer(request, reply).catch(() => reply.destroy());
  });
  async function answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/public-keys') {
      keyListRequests += 1;
      return send(
        reply,
        200,
        JSON.stringify({ public_keys: [{ key_identifier: identifier, key: pem, is_current: true }] }),
      );
    }
    if (request.method !== 'POST' || request.url !== '/leak')
      return send(reply, 404, '{"error":"POST a secret to /leak"}');
    const secret = await textOf(request);
    if (secret === null)
      return send(reply, 400, `{"error":"the body must be the secret, of 1 to ${TEXT_BYTES_MAX} bytes"}`);
    const result = await report(secret);
    send(reply, result.status, result.body);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    publicKeysUrl: `${origin}/public-keys`,
    leakUrl: `${origin}/leak`,
    sign,
    keyListRequests: () => keyListRequests,
    stop: () => stop(server),
  };
}

async function textOf(request: IncomingMessage): Promise<string | null> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > TEXT_BYTES_MAX) return null;
  }
  return text.trim() === '' ? null : text.trim();
}

function send(reply: ServerResponse, status: number, body: string): void {
  reply.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

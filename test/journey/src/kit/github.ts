import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Headers of a report as GitHub sends it. */
export type ReportHeaders = Record<'content-type' | 'github-public-key-identifier' | 'github-public-key-signature', string>;

/** A stand-in for GitHub's secret scanning: publishes its public key on loopback and signs reports with the private one. */
export interface GitHubStandIn {
  readonly publicKeysUrl: string;
  /** Signs these very bytes: ECDSA P-256 over SHA-256, base64 of the DER form. */
  sign(body: string): ReportHeaders;
  /** As `sign`, with a key that is not published. */
  signAsStranger(body: string): ReportHeaders;
  /** How often the public keys were fetched. */
  fetches(): number;
  stop(): Promise<void>;
}

export async function startGitHubStandIn(): Promise<GitHubStandIn> {
  const published = newSigner();
  const stranger = newSigner();
  const list = JSON.stringify({ public_keys: [{ key_identifier: published.identifier, key: published.publicKeyPem, is_current: true }] });
  let fetches = 0;
  const server = createServer((request, response) => {
    if (request.url !== '/meta/public_keys/secret_scanning') return void response.writeHead(404).end();
    fetches += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(list);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    publicKeysUrl: `http://127.0.0.1:${port}/meta/public_keys/secret_scanning`,
    sign: published.sign,
    signAsStranger: stranger.sign,
    fetches: () => fetches,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function newSigner() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const identifier = createHash('sha256').update(publicKeyPem).digest('hex');
  return {
    identifier,
    publicKeyPem,
    sign: (body: string): ReportHeaders => ({
      'content-type': 'application/json',
      'github-public-key-identifier': identifier,
      'github-public-key-signature': sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'der' }).toString('base64'),
    }),
  };
}

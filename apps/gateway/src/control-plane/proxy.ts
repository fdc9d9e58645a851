import { Readable } from 'node:stream';
import proxy from '@fastify/http-proxy';
import type { FastifyInstance } from 'fastify';
import { refuseBareBodies } from './bare-bodies.js';
import { CONTROL_PLANE_PREFIXES } from './prefixes.js';

export interface ControlPlaneUrls {
  readonly keyManagement: string;
  readonly usageBilling: string;
  readonly secretScanning: string;
}

/** A webhook of thousands of items answers within 30 s; everything else is faster. */
const TIMEOUT_MS = 35_000;

/**
 * Passes the control plane's public paths on to the services that own them, which authenticate for themselves. Their
 * internal paths are not among them.
 */
export async function registerControlPlane(fastify: FastifyInstance, urls: ControlPlaneUrls): Promise<void> {
  const paths: readonly (readonly [prefix: string, upstream: string])[] = [
    [CONTROL_PLANE_PREFIXES.keyManagement, urls.keyManagement],
    [CONTROL_PLANE_PREFIXES.usageBilling, urls.usageBilling],
    [CONTROL_PLANE_PREFIXES.secretScanning, urls.secretScanning],
  ];
  refuseBareBodies(fastify);
  for (const [prefix, upstream] of paths) {
    await fastify.register(proxy, {
      upstream,
      prefix,
      rewritePrefix: prefix,
      // With this hook the proxy leaves bodies to our own parser, which holds them to their limit before anything is passed on.
      preValidation: (request, _reply, done) => {
        if (Buffer.isBuffer(request.body)) request.body = Readable.from([request.body]);
        done();
      },
      http: { requestOptions: { timeout: TIMEOUT_MS } },
      replyOptions: {
        rewriteRequestHeaders: ({ body }, headers) => {
          const kept = withoutForwarding(headers);
          return body === undefined ? withoutFraming(kept) : kept;
        },
      },
    });
  }
}

/**
 * The proxy drops the body of a GET or HEAD, but would pass its `Content-Length` on: the service would then take the
 * beginning of the next request on that connection, which may be another caller's, for the missing body.
 */
function withoutFraming<T extends object>(headers: T): T {
  const { 'content-length': _length, 'transfer-encoding': _coding, ...kept } = headers as Record<string, unknown>;
  return kept as T;
}

/** What a client says of itself and of hops before us is not passed on: the services behind believe what reaches them. */
function withoutForwarding<T extends object>(headers: T): T {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-forwarded-') && name !== 'forwarded' && name !== 'x-real-ip') kept[name] = value;
  }
  return kept as T;
}

import proxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import { Problem } from '@tollgate/http';
import type { FastifyInstance, FastifyRequest } from 'fastify';

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
    ['/v1/api-keys', urls.keyManagement],
    ['/v1/usage', urls.usageBilling],
    ['/webhooks', urls.secretScanning],
  ];
  await fastify.register(async (scope) => {
    scope.addHook('onRequest', (request, _reply, done) => done(refuseLargeBody(request)));
    for (const [prefix, upstream] of paths) await scope.register(proxy, proxyTo(prefix, upstream));
  });
}

function proxyTo(prefix: string, upstream: string): FastifyHttpProxyOptions {
  return {
    upstream,
    prefix,
    rewritePrefix: prefix,
    http: { requestOptions: { timeout: TIMEOUT_MS } },
    replyOptions: { rewriteRequestHeaders: (_request, headers) => withoutForwarding(headers) },
  };
}

/**
 * A body whose length is over the limit is refused before it is passed on; one that does not say its length is
 * counted, and refused, by the service behind.
 */
function refuseLargeBody(request: FastifyRequest): Problem | undefined {
  const limit = request.routeOptions.bodyLimit;
  const declared = Number(request.headers['content-length'] ?? 0);
  return limit !== undefined && declared > limit ? new Problem('body_too_large') : undefined;
}

/** What a client says of itself and of hops before us is not passed on: the services behind believe what reaches them. */
function withoutForwarding<T extends object>(headers: T): T {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-forwarded-') && name !== 'forwarded' && name !== 'x-real-ip') kept[name] = value;
  }
  return kept as T;
}

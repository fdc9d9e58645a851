import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import proxy from '@fastify/http-proxy';
import {
  boundedBytes,
  clientAddressHeaders,
  isRefusedConnection,
  isStreamed,
  LINES_MEDIA_TYPE,
  OWN_HEADERS_PREFIX,
  pathOfTarget,
  Problem,
  type AcceptedSecrets,
} from '@tollgate/http';
import type { FastifyInstance } from 'fastify';
import { refuseBareBodies } from './bare-bodies.js';
import {
  CONTROL_PLANE_SERVICES,
  controlPlanePaths,
  type ControlPlaneService,
  type PublicPath,
} from './public-paths.js';

interface ControlPlaneUrls {
  readonly keyManagement: string;
  readonly usageBilling: string;
  readonly secretScanning: string;
}

export interface ControlPlaneOptions {
  readonly urls: ControlPlaneUrls;
  /** Beside which the services believe what they are told of a client. */
  readonly serviceSecrets: AcceptedSecrets;
  /** What is passed on; by default, what the documents of this release have. */
  readonly paths?: readonly PublicPath[];
}

/** A webhook of thousands of items answers within 30 s; everything else is faster. */
const TIMEOUT_MS = 35_000;
/** Of the answer to an import of 100,000 keys, which are announced after the last line has come. */
const STREAMED_TIMEOUT_MS = 300_000;

/** Pauses before a request is sent again that was refused a connection. */
const REFUSED_PAUSES_MS = [50, 200];

/**
 * Passes the public paths of the control plane on to the services that own them, which authenticate for themselves, and
 * tells them the client's address. A path goes where its template in the documents says; the methods that it does not
 * take are refused by its service. Internal paths are in no document.
 */
export async function registerControlPlane(
  fastify: FastifyInstance,
  { urls, serviceSecrets, paths = controlPlanePaths }: ControlPlaneOptions,
): Promise<void> {
  const upstreams: Readonly<Record<ControlPlaneService, string>> = {
    'key-management': urls.keyManagement,
    'usage-billing': urls.usageBilling,
    'secret-scanning': urls.secretScanning,
  };
  refuseBareBodies(fastify);
  const passes = CONTROL_PLANE_SERVICES.flatMap((service) => {
    const own = paths.filter((each) => each.service === service);
    return [
      { service, own: own.filter((each) => !takesLines(each)), timeout: TIMEOUT_MS },
      { service, own: own.filter(takesLines), timeout: STREAMED_TIMEOUT_MS },
    ];
  });
  for (const { service, own, timeout } of passes) {
    if (own.length === 0) continue;
    await fastify.register(proxy, {
      upstream: upstreams[service],
      routes: own.map(({ template }) => template.replace(/\{(\w+)\}/g, ':$1')),
      // With this hook the proxy leaves bodies to our own parser, which holds them to their limit before anything is
      // passed on.
      preValidation: (request, _reply, done) => {
        if (climbs(pathOfTarget(request.url))) return done(new Problem('not_found'));
        if (Buffer.isBuffer(request.body)) request.body = Readable.from([request.body]);
        else if (isStreamed(request) && request.body instanceof Readable)
          request.body = Readable.from(boundedBytes(request.body, request.routeOptions.bodyLimit));
        done();
      },
      http: { requestOptions: { timeout } },
      replyOptions: {
        retryDelay: ({ err, req, attempt }) => retryPause(err, req, attempt),
        rewriteRequestHeaders: (request, headers) => {
          const kept = { ...withoutForwarding(headers), ...clientAddressHeaders(request, serviceSecrets) };
          return request.body === undefined ? withoutFraming(kept) : kept;
        },
        rewriteHeaders: (headers) => withoutHopByHop(headers),
      },
    });
  }
}

/**
 * The pause in ms before a request is sent again; null for never. Only a refused connection shows that nothing of it
 * has reached the service, which may have just been replaced. A body has been read by then, so that such a request
 * cannot be sent again; and what a service has answered, 503 too, is its answer.
 */
function retryPause(error: Error, request: unknown, attempt: number): number | null {
  const { body } = request as { readonly body?: unknown };
  const hasBody = body !== undefined && body !== null && body !== '';
  return !hasBody && isRefusedConnection(error) ? (REFUSED_PAUSES_MS[attempt] ?? null) : null;
}

/** Whether a path takes a body of lines, which is passed on as it comes. */
const takesLines = ({ item }: PublicPath): boolean =>
  Object.values(item).some(({ requestBody }) =>
    Object.hasOwn((requestBody?.content as object) ?? {}, LINES_MEDIA_TYPE),
  );

/**
 * The proxy drops the body of a GET or HEAD, but would pass its `Content-Length` on: the service would then take the
 * beginning of the next request on that connection, which may be another caller's, for the missing body.
 */
function withoutFraming<T extends object>(headers: T): T {
  const { 'content-length': _length, 'transfer-encoding': _coding, ...kept } = headers as Record<string, unknown>;
  return kept as T;
}

/**
 * What a client says of itself and of hops before us is not passed on: the services behind believe what reaches them.
 */
function withoutForwarding<T extends object>(headers: T): T {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!FORWARDING.some((each) => name.startsWith(each))) kept[name] = value;
  }
  return kept as T;
}

const FORWARDING = ['x-forwarded-', 'forwarded', 'x-real-ip', OWN_HEADERS_PREFIX];

/**
 * Whether a path has a segment that leads upwards, or that the proxy takes for one: two dots at the beginning or end of
 * a segment, however they are encoded. No path of the services has.
 */
function climbs(path: string): boolean {
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // A percent sign that encodes nothing: the proxy could not read it either.
    return true;
  }
  return decoded.split(/[/\\]/).some((segment) => segment.startsWith('..') || segment.endsWith('..'));
}

/** What a service says of its connection to us is not true of the client's to us (RFC 9110, section 7.6.1). */
function withoutHopByHop(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

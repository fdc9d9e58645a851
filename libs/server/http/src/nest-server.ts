import { randomUUID } from 'node:crypto';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenApiDocument } from '@tollgate/openapi';
import { nestLogger, type Logger, type Registry } from '@tollgate/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AcceptedSecrets } from './accepted-secrets.js';
import { serveDocs } from './serve-docs.js';
import { answerException, sendProblem } from './answer-exception.js';
import { openToPages } from './any-origin.js';
import { BODY_BUDGET_BYTES, BodyBudget } from './body-budget.js';
import { readBodiesAsBytes } from './body-reader.js';
import { boundBodies } from './bound-bodies.js';
import { answerBrokenRequest } from './broken-request.js';
import { believeGateways, believeProxies } from './client-address.js';
import { noteReplies, ownReplies } from './close-with-replies.js';
import { holdContinue } from './expect-continue.js';
import { refuseFaultyHeads } from './head-fault.js';
import { trackConnections } from './open-connections.js';
import { ProblemFilter } from './problem-filter.js';
import { readProxyHeaders } from './proxy-protocol/read-proxy-headers.js';
import { problemOf } from './problem-of.js';
import { Problem } from './problem.js';
import { ReplySerializer } from './reply-serializer.js';
import { RequestPipe } from './request-pipe.js';
import { originForm } from './request-target.js';
import { SecretChecks } from './secret-checks.js';
import { listRoutes } from './server-routes.js';
import { streamBodies } from './streamed-bodies.js';
import { TrustedProxies, type TrustedProxy } from './trusted-proxies.js';
import { answerUnrouted } from './unrouted.js';

/** How a server of ours reads requests, and what it tells of itself. */
export interface NestServerOptions {
  readonly logger: Logger;
  /** Where checks of secrets are counted; without it they are not. */
  readonly registry?: Registry;
  /**
   * Of a service behind gateways: beside it their word on who asks is believed. Left out, whoever connects is who asks.
   */
  readonly serviceSecrets?: AcceptedSecrets;
  /** Of a server that clients reach through proxies: whose word on the client's address is believed. Default none. */
  readonly trustedProxies?: readonly TrustedProxy[];
  /**
   * Bodies above it are 413; default 1 MiB. Webhooks take `WEBHOOK_BODY_BYTES_MAX`, and a raw route may set its own
   * `bodyLimit`.
   */
  readonly bodyLimitBytes?: number;
  /** From the first byte of a request to the last of its body; default 2 min. Replies may take longer. */
  readonly requestTimeoutMs?: number;
  /** How long a connection without a request is kept, in ms; default 620 s, longer than any balancer keeps one. */
  readonly keepAliveMs?: number;
  /**
   * Whether each connection begins with a header of the PROXY protocol, version 2, that names the client. Such a
   * listener must be reached by the balancer alone: whoever connects says who he is.
   */
  readonly proxyProtocol?: boolean;
  /** What the bodies of all requests may take of memory; default `BODY_BUDGET_BYTES`. Above it they are 503. */
  readonly bodyBudget?: BodyBudget;
  /** What `GET /openapi.json` answers and `/docs/api` shows to anybody; without it there are no such paths. */
  readonly document?: OpenApiDocument;
}

const BODY_BYTES_MAX = 1_048_576;
/** A report of some ten thousand leaked secrets with their places. */
export const WEBHOOK_BODY_BYTES_MAX = 8 * 1_048_576;
/** Bodies that hold a file, by the path of their route: at the gateway as at the service that reads them. */
const LARGE_BODIES: ReadonlyMap<string, number> = new Map([['/v1/provider-reports', 16 * 1_048_576]]);
/** What a client has for a whole request. */
export const REQUEST_TIMEOUT_MS = 120_000;
/** A client that sends its headers slower than this holds a connection for nothing else. */
const HEADERS_TIMEOUT_MS = 15_000;
/** The name of a route in a path: 200 characters, each of up to four bytes that are percent-encoded. */
const PARAMETER_CHARACTERS_MAX = 2_400;
/** As `TOLLGATE_KEEP_ALIVE_SECONDS`. */
const KEEP_ALIVE_MS = 620_000;
/** How often Node looks for connections past the two above; its own 30 s would double the first. */
const CONNECTIONS_CHECK_MS = 5_000;

/**
 * Nest on Fastify as every app of ours serves it: arguments read by the schemas of their decorators (`RequestPipe`),
 * replies held to theirs (`ReplySerializer`), errors as problem+json, a request id of our own on every reply
 * (`x-request-id`, `request-id`; what the client sent is not looked at), replies that no cache keeps, 400 for a request
 * that names two hosts, 429 for who goes on guessing secrets, 405 with `Allow` for a method that a path does not take,
 * `GET /healthz`, idle connections closed at shutdown and 503 `shutting_down` for requests that come during it.
 * Listening is left to the caller.
 *
 * Raw routes live beside the controllers on `app.getHttpAdapter().getInstance()`, registered before
 * `app.init()` or `app.listen()`; no guard, pipe or filter runs for them, but what they throw is answered here.
 */
export async function createNestServer(
  module: Type | DynamicModule,
  options: NestServerOptions,
): Promise<NestFastifyApplication> {
  const checks = new SecretChecks(options);
  const adapter = fastifyAdapter(options, checks);
  const app = await NestFactory.create<NestFastifyApplication>(HttpServerModule.around(module, checks), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: nestLogger(options.logger),
  });
  app.useGlobalFilters(new ProblemFilter(options.logger));
  app.useGlobalPipes(new RequestPipe());
  app.useGlobalInterceptors(new ReplySerializer(app.get(Reflector)));
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.get('/healthz', (_request, reply) => reply.send({ status: 'ok' }));
  if (options.document !== undefined) serveDocs(fastify, options.document);
  return app;
}

/** An application and what the guards of its controllers need: one count of wrong secrets, whoever compares. */
@Module({})
class HttpServerModule {
  static around(application: Type | DynamicModule, checks: SecretChecks): DynamicModule {
    const guarded = {
      module: GuardsModule,
      global: true,
      providers: [{ provide: SecretChecks, useValue: checks }],
      exports: [SecretChecks],
    };
    return { module: HttpServerModule, imports: [guarded, application] };
  }
}

@Module({})
class GuardsModule {}

/**
 * Nest sets its error handler when it initialises, after raw scopes were made, and those would keep Fastify's.
 * So ours is set first, and Nest's, which would say the same, not at all.
 */
class ProblemAdapter extends FastifyAdapter {
  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.getInstance() as ReturnType<FastifyAdapter['setErrorHandler']>;
  }
}

function fastifyAdapter(options: NestServerOptions, checks: SecretChecks): FastifyAdapter {
  const { logger, bodyLimitBytes = BODY_BYTES_MAX, requestTimeoutMs = REQUEST_TIMEOUT_MS, serviceSecrets } = options;
  const { bodyBudget = new BodyBudget(BODY_BUDGET_BYTES), trustedProxies = [] } = options;
  const { keepAliveMs = KEEP_ALIVE_MS, proxyProtocol = false } = options;
  const replies = ownReplies();
  const adapter = new ProblemAdapter({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    // Both time-outs of Node count from the first byte of a request, so they may be shorter than this.
    keepAliveTimeout: keepAliveMs,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      ServerResponse: replies,
    },
    trustProxy: false,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    rewriteUrl: ({ url }: { url?: string | undefined }) => originForm(url ?? '/'),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    // Ours below says it as a problem.
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerUnroutable,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  fastify.setErrorHandler((error, request, reply) => answerException(error, request, reply, logger));
  fastify.addHook('onRequest', (request, reply, done) => {
    markReply(request, reply);
    done();
  });
  streamBodies(fastify);
  fastify.addHook('onRoute', (route) => {
    if (route.url.startsWith('/webhooks')) route.bodyLimit ??= WEBHOOK_BODY_BYTES_MAX;
    const limit = LARGE_BODIES.get(route.url);
    if (limit !== undefined) route.bodyLimit ??= limit;
  });
  refuseFaultyHeads(fastify);
  refuseWhileClosing(fastify);
  if (serviceSecrets !== undefined) believeGateways(fastify, serviceSecrets, checks);
  if (trustedProxies.length > 0) believeProxies(fastify, new TrustedProxies(trustedProxies));
  listRoutes(fastify);
  answerUnrouted(fastify);
  boundBodies(fastify, bodyBudget, requestTimeoutMs);
  readBodiesAsBytes(fastify);
  holdContinue(fastify.server);
  noteReplies(fastify.server, replies);
  if (proxyProtocol) readProxyHeaders(fastify.server, { logger });
  trackConnections(fastify.server, fastify);
  return adapter;
}

/** `no-transform`: a proxy that compresses a reply would make another tag of its `ETag`. */
function markReply(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers({
    'x-request-id': request.id,
    'request-id': request.id,
    'cache-control': 'no-store, no-transform',
  });
  openToPages(request, reply);
}

/** URLs that the router cannot read never reach a hook. */
function answerUnroutable(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  markReply(request, reply);
  sendProblem(reply, problemOf(error), request.id);
}

function refuseWhileClosing(fastify: FastifyInstance): void {
  let closing = false;
  fastify.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  fastify.addHook('onRequest', (_request, _reply, done) => {
    if (closing) done(new Problem('shutting_down', { headers: { connection: 'close' } }));
    else done();
  });
}

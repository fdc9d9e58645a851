import {
  Inject,
  Injectable,
  Module,
  Optional,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Principal } from '@tollgate/access';
import { attachedPrincipal } from '@tollgate/auth';
import { KEY_MANAGEMENT_API, REFUSED_CALLS_MAX, type KeyManagementApi, type RefusedCall } from '@tollgate/contracts';
import type { ErrorCode } from '@tollgate/errors';
import { clientAddressOf, isClientAddressKnown, problemCodeOf } from '@tollgate/http';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RefusedCallCounter } from './refused-call-counter.js';

/** Soon enough that whoever has just been refused is found in the trail. */
const REPORT_EVERY_MS = 1_000;
/** After a report that failed: key-management may be restarting, or be of the release before. */
const RETRY_MS = 30_000;
/** Who asks is not known, must not do this, does not see it, or asks too often. Other refusals are mistakes. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 429]);
/** A token of a mail or of a sign-in that opens nothing may be a guess. */
const REFUSED_TOKENS: ReadonlySet<unknown> = new Set(['invalid_link', 'oidc_attempt_invalid'] satisfies ErrorCode[]);
const ADMIN_API = '/v1/';

/**
 * Reports refused calls of the admin API of this process, for the audit trail. A key-management that is away delays
 * them; what comes beyond the bounds of `RefusedCallCounter`, or is not reported when the process ends, is lost.
 */
@Injectable()
class ReportRefusedCalls implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly counter = new RefusedCallCounter();
  private readonly periodic = new Periodic(() => this.report(), { everyMs: REPORT_EVERY_MS, background: true });

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement?: Partial<Pick<KeyManagementApi, 'recordRefusedCalls'>>,
  ) {}

  onModuleInit(): void {
    // None where a module is used without a server, as by what only follows the bus.
    const fastify = this.host.httpAdapter?.getInstance() as FastifyInstance | undefined;
    fastify?.addHook('onResponse', (request, reply, done) => {
      this.see(request, reply);
      done();
    });
  }

  onApplicationBootstrap(): void {
    this.periodic.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.periodic.stop();
    await this.report(true);
  }

  private see(request: FastifyRequest, { statusCode }: FastifyReply): void {
    const { url } = request.routeOptions;
    if (request.is404 || url?.startsWith(ADMIN_API) !== true) return;
    const code = problemCodeOf(request);
    if (!REFUSALS.has(statusCode) && !REFUSED_TOKENS.has(code)) return;
    const principal = attachedPrincipal(request);
    this.counter.note(
      {
        organizationId: principal?.organizationId ?? null,
        principal: refusedPrincipal(principal),
        address: isClientAddressKnown(request) ? clientAddressOf(request) : null,
        requestId: request.id,
        route: `${request.method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`,
        code: code ?? 'unknown',
        status: statusCode,
      },
      Date.now(),
    );
  }

  private async report(all = false): Promise<void> {
    const calls = this.counter.take(Date.now(), REFUSED_CALLS_MAX, all);
    if (calls.length === 0) return;
    try {
      await this.keyManagement?.recordRefusedCalls?.(calls);
    } catch (err) {
      this.counter.putBack(calls, Date.now() + RETRY_MS);
      this.logger.warn({ err, calls: calls.length }, 'refused calls are not in the audit trail yet');
    }
  }
}

function refusedPrincipal(principal: Principal | null): RefusedCall['principal'] {
  switch (principal?.kind) {
    case undefined:
      return { kind: 'unknown' };
    case 'operator':
      return { kind: 'operator' };
    case 'api_key':
      return { kind: 'api_key', id: principal.apiKeyId };
    case 'person':
      return { kind: 'person', id: principal.personId };
  }
}

/** For each service with a part of the admin API; in one process there is one. */
@Module({ providers: [ReportRefusedCalls] })
export class RefusedCallsModule {}

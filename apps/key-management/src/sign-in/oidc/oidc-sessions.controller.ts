import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ADMIN_API_SETTINGS, sessionCookie, type AdminApiSettings } from '@tollgate/auth';
import { AddressAllowance, clientAddressOf, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Callers } from '../caller.js';
import type { Session } from '../session.js';
import { Sessions } from '../sessions.js';
import { BeginSignIn, type SignInWish } from './begin-sign-in.js';
import { FinishSignIn } from './finish-sign-in.js';
import { finishOidcQuery, startOidcQuery, type FinishOidcQuery, type StartOidcQuery } from './oidc.request.js';
import { ProviderAnswerRefused } from './provider-client.js';
import { ProviderUnavailable } from './provider-http.js';
import { returnPath } from './return-path.js';
import { attemptCookieNames, endedAttemptCookie } from './sign-in-attempt.js';

/** What one address may begin at once, and then in each second: each asks the database, and may ask a provider. */
const BEGUN_BURST = 60;
const BEGUN_PER_SECOND = 2;
/** Attempts that one browser has open at once; the cookies of more would outgrow what servers take of headers. */
const ATTEMPTS_OPEN_MAX = 8;

/** Sign-in by the OpenID provider of an organisation: two addresses that browsers are sent to. */
@Tag('Sessions')
@Controller('v1/sessions/oidc')
export class OidcSessionsController {
  private readonly allowance = new AddressAllowance({ burst: BEGUN_BURST, perSecond: BEGUN_PER_SECOND });

  constructor(
    private readonly beginSignIn: BeginSignIn,
    private readonly finishSignIn: FinishSignIn,
    private readonly callers: Callers,
    private readonly sessions: Sessions,
    private readonly database: ServiceDatabase,
    @Inject(ADMIN_API_SETTINGS) private readonly settings: AdminApiSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get('start')
  @Operation({
    id: 'startOidcSession',
    summary: 'Sign in by an identity provider',
    description:
      'Sends the browser to the provider of an organisation, which `organization_id` names, or the domain of `email`. With `step_up=1` it proves the session again that the browser has: the provider must let the person sign in once more.',
  })
  @Replies(null, { 302: 'The browser goes to the provider, with a cookie for this sign-in.' })
  @Refuses('oidc_not_configured', 'oidc_unavailable', 'rate_limit_exceeded')
  async start(
    @Query({ schema: startOidcQuery }) query: StartOidcQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    if (!this.allowance.take(clientAddressOf(request)))
      throw new Problem('rate_limit_exceeded', {
        detail: 'Too many sign-ins were begun from this address.',
        headers: { 'retry-after': String(this.allowance.retryAfterSeconds) },
      });
    const now = new Date();
    const { publicUrl } = this.settings;
    const returnTo = returnPath(query.return_to, publicUrl);
    if (returnTo === null) throw fault('return_to', 'must be a path of this origin, as /keys');
    const wish = await this.wishOf(query, request, now);
    const { location, setCookie } = await this.asking(request, () => this.beginSignIn.execute(wish, returnTo, now));
    const open = attemptCookieNames(publicUrl, request.headers.cookie);
    const ended = open.slice(0, Math.max(0, open.length - ATTEMPTS_OPEN_MAX + 1));
    void reply
      .header('set-cookie', [setCookie, ...ended.map((name) => endedAttemptCookie(publicUrl, name))])
      .redirect(location, 302);
  }

  @Get('callback')
  @Operation({
    id: 'finishOidcSession',
    summary: 'Finish a sign-in by an identity provider',
    description:
      'Opens a session that acts in the organisation of the provider alone. Each sign-in is finished once, in the browser that began it, within 10 minutes.',
  })
  @Replies(null, { 303: 'The browser has a session, and goes to where the sign-in was to return to.' })
  @Refuses('oidc_attempt_invalid', 'oidc_refused', 'oidc_unavailable')
  async callback(
    @Query({ schema: finishOidcQuery }) { state }: FinishOidcQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const callback = {
      state,
      // As it came: of two answers under one name neither counts.
      answer: new URLSearchParams(request.url.split('?').slice(1).join('?')),
      cookieHeader: request.headers.cookie,
      caller: this.callers.of(request),
    };
    const finished = await this.asking(request, () => this.finishSignIn.execute(callback, new Date()));
    const { publicUrl } = this.settings;
    void reply
      .header('set-cookie', [sessionCookie(publicUrl, finished.opened.token), finished.setCookie])
      .redirect(finished.returnTo, 303);
  }

  private async wishOf(query: StartOidcQuery, request: FastifyRequest, now: Date): Promise<SignInWish> {
    const { organization_id: organizationId, email, step_up: stepUp } = query;
    if ([organizationId, email, stepUp].filter((each) => each !== undefined).length !== 1)
      throw new Problem('invalid_request', {
        detail: 'Name either organization_id or email, or prove the session again with step_up=1.',
      });
    if (organizationId !== undefined) return { organizationId };
    if (email !== undefined) return { email };
    const session = await this.sessionOf(request, now);
    if (session?.method !== 'oidc') throw new Problem('oidc_not_configured');
    return { stepUp: session };
  }

  private async sessionOf(request: FastifyRequest, now: Date): Promise<Session | null> {
    const { token } = this.callers.of(request);
    if (token === null) return null;
    return this.database.outsideOrganizations((manager) => this.sessions.ofToken(manager, token, now));
  }

  /** What providers do wrong, as a refusal. Their own words go into the log and to nobody else. */
  private async asking<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ProviderUnavailable)
        throw new Problem('oidc_unavailable', { cause: error, headers: { 'retry-after': '5' } });
      if (!(error instanceof ProviderAnswerRefused)) throw error;
      this.logger.warn({ requestId: request.id, err: error }, 'an answer of an identity provider was refused');
      throw new Problem('oidc_refused', { cause: error, detail: 'The identity provider did not sign anybody in.' });
    }
  }
}

const fault = (path: string, message: string): Problem =>
  new Problem('invalid_request', { errors: [{ path, message }] });

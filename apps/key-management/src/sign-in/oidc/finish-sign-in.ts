import { Inject, Injectable } from '@nestjs/common';
import { ADMIN_API_SETTINGS, cookiesNamed, type AdminApiSettings } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from '../../audit/audit-trail.js';
import type { Caller } from '../caller.js';
import type { OpenedSession } from '../sessions.js';
import { OidcProviderStore } from './oidc-provider-store.js';
import type { OidcProvider } from './oidc-provider.js';
import { ProviderClient } from './provider-client.js';
import { ProveAgain } from './prove-again.js';
import {
  attemptCookieName,
  digestOf,
  endedAttemptCookie,
  isBrowserSecret,
  organizationOfState,
  type SignInAttempt,
} from './sign-in-attempt.js';
import { SignInAttemptStore } from './sign-in-attempt-store.js';
import { SignInByProvider } from './sign-in-by-provider.js';

/** A callback as it came. */
export interface Callback {
  readonly state: string;
  /** The whole query. */
  readonly answer: URLSearchParams;
  readonly cookieHeader: string | undefined;
  readonly caller: Caller;
}

/** A sign-in that is finished: the session's new token, and where the browser goes. */
export interface FinishedSignIn {
  readonly opened: OpenedSession;
  readonly returnTo: string;
  /** Takes the cookie of the attempt away. */
  readonly setCookie: string;
}

/** Finishes a sign-in with what a provider sends the browser back with. */
@Injectable()
export class FinishSignIn {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly attempts: SignInAttemptStore,
    private readonly providers: OidcProviderStore,
    private readonly client: ProviderClient,
    private readonly signInByProvider: SignInByProvider,
    private readonly proveAgain: ProveAgain,
    @Inject(ADMIN_API_SETTINGS) private readonly settings: AdminApiSettings,
  ) {}

  /**
   * The attempt is taken first, and with it is spent whatever comes of it.
   * @throws {Problem} `oidc_attempt_invalid`, `oidc_refused`
   * @throws {ProviderAnswerRefused} {ProviderUnavailable} and no session is opened
   */
  async execute(callback: Callback, now: Date): Promise<FinishedSignIn> {
    const { state } = callback;
    const name = attemptCookieName(this.settings.publicUrl, state);
    const browserSecret = secretIn(cookiesNamed(callback.cookieHeader, name));
    const attempt = browserSecret === null ? null : await this.take(state, browserSecret, now);
    if (browserSecret === null || attempt === null) throw new Problem('oidc_attempt_invalid');
    const provider = await this.providers.find(attempt.organizationId);
    if (provider?.version !== attempt.providerVersion) throw new Problem('oidc_attempt_invalid');
    const opened = await this.refusing(provider, callback, () =>
      this.open(provider, attempt, { callback, browserSecret, now }),
    );
    return { opened, returnTo: attempt.returnTo, setCookie: endedAttemptCookie(this.settings.publicUrl, name) };
  }

  private async open(
    provider: OidcProvider,
    { organizationId, stepUpSessionId: sessionId }: SignInAttempt,
    { callback, browserSecret, now }: { callback: Callback; browserSecret: string; now: Date },
  ): Promise<OpenedSession> {
    const { state, answer, caller } = callback;
    const claims = await this.client.claimsOf(provider, { state, browserSecret, again: sessionId !== null }, answer);
    return sessionId === null
      ? this.signInByProvider.execute({ provider, claims, caller, now })
      : this.proveAgain.execute({ claims, caller, now, organizationId, sessionId });
  }

  /**
   * Somebody whom the provider knows, and who may not come in, stands in the trail of the organisation. Answers that
   * are no provider's do not: anybody could send those without end.
   */
  private async refusing<T>(provider: OidcProvider, { caller }: Callback, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem && error.code === 'oidc_refused') {
        const { organizationId, issuer } = provider;
        const target = { targetType: 'oidc_provider', targetId: organizationId };
        const details = { method: 'oidc', issuer, reason: error.detail };
        await this.database.inOrganization(organizationId, (manager) =>
          this.audit.appendRefusals(manager, organizationId, [
            { ...target, actor: caller.actor, action: 'session.refused', details },
          ]),
        );
      }
      throw error;
    }
  }

  private async take(state: string, browserSecret: string, now: Date): Promise<SignInAttempt | null> {
    const organizationId = organizationOfState(state);
    if (organizationId === null) return null;
    const key = { organizationId, stateDigest: digestOf(state), browserDigest: digestOf(browserSecret) };
    return this.attempts.take(key, now);
  }
}

/** A cookie that is there twice may be somebody else's as well as ours. */
function secretIn(values: readonly string[]): string | null {
  const [value, ...more] = values;
  return value !== undefined && more.length === 0 && isBrowserSecret(value) ? value : null;
}

import { Inject, Injectable } from '@nestjs/common';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';
import { Problem, domainOfAddress } from '@tollgate/http';
import { DomainStore } from '../../organizations/domains/domain-store.js';
import type { Session } from '../session.js';
import { isSameIssuer } from './issuer-url.js';
import { OidcProviderStore } from './oidc-provider-store.js';
import type { OidcProvider } from './oidc-provider.js';
import { ProviderClient } from './provider-client.js';
import { ATTEMPT_MS_MAX, attemptCookie, digestOf, newBrowserSecret, newState } from './sign-in-attempt.js';
import { SignInAttemptStore } from './sign-in-attempt-store.js';

/** By whose provider somebody wants to sign in. */
export type SignInWish =
  | { readonly organizationId: string }
  /** In its normal form. */
  | { readonly email: string }
  /** A session that began at a provider, to be proven again there. */
  | { readonly stepUp: Session };

/** A sign-in that has begun: where the browser goes, and the cookie that it takes along. */
export interface BegunSignIn {
  readonly location: string;
  readonly setCookie: string;
}

/** Begins a sign-in at the provider of an organisation. */
@Injectable()
export class BeginSignIn {
  constructor(
    private readonly providers: OidcProviderStore,
    private readonly domains: DomainStore,
    private readonly attempts: SignInAttemptStore,
    private readonly client: ProviderClient,
    @Inject(ADMIN_API_SETTINGS) private readonly settings: AdminApiSettings,
  ) {}

  /**
   * `returnTo` is a path of our origin.
   * @throws {Problem} `oidc_not_configured`
   * @throws {ProviderUnavailable} and no attempt is kept
   */
  async execute(wish: SignInWish, returnTo: string, now: Date): Promise<BegunSignIn> {
    const provider = await this.providerFor(wish);
    if (provider === null) throw new Problem('oidc_not_configured');
    const { organizationId } = provider;
    const [state, browserSecret] = [newState(organizationId), newBrowserSecret()];
    const again = 'stepUp' in wish;
    const loginHint = 'email' in wish ? wish.email : null;
    const url = await this.client.authorizationUrl(provider, { state, browserSecret, again, loginHint });
    const attempt = {
      organizationId,
      stateDigest: digestOf(state),
      browserDigest: digestOf(browserSecret),
      providerVersion: provider.version,
      returnTo,
      stepUpSessionId: again ? wish.stepUp.id : null,
      expiresAt: new Date(now.getTime() + ATTEMPT_MS_MAX),
    };
    await this.attempts.insert(attempt, now);
    return { location: url.href, setCookie: attemptCookie(this.settings.publicUrl, state, browserSecret) };
  }

  /** Unknown organisations and ones without a provider are not told apart, nor are addresses with an account. */
  private async providerFor(wish: SignInWish): Promise<OidcProvider | null> {
    if ('organizationId' in wish) return this.providers.find(wish.organizationId);
    if ('stepUp' in wish) {
      const { confinedTo, oidcIssuer } = wish.stepUp;
      const provider = confinedTo === null ? null : await this.providers.find(confinedTo);
      return provider !== null && oidcIssuer !== null && isSameIssuer(provider.issuer, oidcIssuer) ? provider : null;
    }
    const domain = await this.domains.proven(domainOfAddress(wish.email));
    return domain === null ? null : this.providers.find(domain.organizationId);
  }
}

import { createHmac } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SEALING, SealError, type Sealing } from '@tollgate/sealing';
import * as client from 'openid-client';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { isSameIssuer, mayBeAsked } from './issuer-url.js';
import { sealedFor, type OidcProvider } from './oidc-provider.js';
import { ProviderHttp, ProviderUnavailable } from './provider-http.js';

/** What a provider's answer is refused for: it is not as it must be, or it is an error. The person is not to blame. */
export class ProviderAnswerRefused extends Error {
  override readonly name = 'ProviderAnswerRefused';
}

/** What a provider said of a person, as far as it can be read. */
export interface ProviderClaims {
  /** The issuer as the provider publishes it. */
  readonly issuer: string;
  readonly subject: string;
  /** As it came; null if there is none. */
  readonly email: string | null;
  /** True only for the boolean `true`: "true" and 1 vouch for nothing. */
  readonly emailVerified: boolean;
  readonly name: string | null;
  /** When the person last proved to the provider who they are; null if it does not say. */
  readonly authenticatedAt: Date | null;
}

/** One sign-in at a provider, as both of its requests need it. */
export interface SignInRequest {
  /** Comes back with the answer. */
  readonly state: string;
  /** The browser's secret, from which the nonce and the PKCE verifier are made: they are stored nowhere. */
  readonly browserSecret: string;
  /** Whether the person must prove again who they are. */
  readonly again: boolean;
  /** The address that the person has typed already. */
  readonly loginHint: string | null;
}

/** Providers are asked again for their addresses and keys after this long. */
const DISCOVERY_MS_MAX = 10 * 60_000;
/** Organisations whose provider is kept in mind. */
const DISCOVERED_MAX = 1_000;
/** What a person has for a step-up, and how long it counts. */
const STEP_UP_SECONDS = 600;
const SUBJECT_LENGTH_MAX = 255;
/** Where providers send people back to; owners register it there. */
const CALLBACK_PATH = '/v1/sessions/oidc/callback';

/** Speaks OpenID Connect with the providers of organisations: code flow with PKCE (S256), state and nonce. */
@Injectable()
export class ProviderClient implements OnApplicationShutdown {
  private readonly http: ProviderHttp;
  private readonly discovered = new Map<string, { readonly atMs: number; readonly config: client.Configuration }>();
  private readonly underway = new Map<string, Promise<client.Configuration>>();

  constructor(
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
    @Inject(ADMIN_API_SETTINGS) private readonly adminApi: AdminApiSettings,
    @Inject(SEALING) private readonly sealing: Sealing,
  ) {
    this.http = new ProviderHttp({ allowPrivateNetwork: settings.oidcPrivateNetwork });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.http.close();
  }

  /** The URL of the callback, on the public origin whatever a request said. */
  get redirectUri(): string {
    return new URL(CALLBACK_PATH, this.adminApi.publicUrl).href;
  }

  /**
   * Where to send the browser.
   * @throws {ProviderUnavailable}
   */
  async authorizationUrl(provider: OidcProvider, request: SignInRequest): Promise<URL> {
    const config = await this.configuration(provider);
    const { verifier, nonce } = secretsOf(request.browserSecret);
    return client.buildAuthorizationUrl(config, {
      redirect_uri: this.redirectUri,
      scope: 'openid email profile',
      state: request.state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(request.again && { max_age: '0', prompt: 'login' }),
      ...(request.loginHint !== null && { login_hint: request.loginHint }),
    });
  }

  /**
   * Redeems the code of a callback, whose whole query is `answer`.
   * @throws {ProviderAnswerRefused} for an error, a wrong state, nonce, issuer, signature or time
   * @throws {ProviderUnavailable}
   */
  async claimsOf(
    provider: OidcProvider,
    request: Pick<SignInRequest, 'state' | 'browserSecret' | 'again'>,
    answer: URLSearchParams,
  ): Promise<ProviderClaims> {
    const { verifier, nonce } = secretsOf(request.browserSecret);
    const config = await this.configuration(provider);
    const url = new URL(this.redirectUri);
    url.search = answer.toString();
    return refusing(async () => {
      const tokens = await client.authorizationCodeGrant(config, url, {
        pkceCodeVerifier: verifier,
        expectedState: request.state,
        expectedNonce: nonce,
        idTokenExpected: true,
        ...(request.again && { maxAge: STEP_UP_SECONDS }),
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new ProviderAnswerRefused('the answer has no ID token');
      const own = claimsIn(claims);
      if (own.email !== null) return own;
      // Providers that follow the letter of Core §5.4 tell the address of a code flow at the UserInfo endpoint alone.
      if (config.serverMetadata().userinfo_endpoint === undefined) return own;
      const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      const { email, emailVerified, name } = claimsIn({ ...claims, ...told });
      return { ...own, email, emailVerified, name };
    });
  }

  private async configuration(provider: OidcProvider): Promise<client.Configuration> {
    // A provider that was deleted and made again counts its versions anew.
    const key = JSON.stringify([provider.organizationId, provider.version, provider.updatedAt.getTime()]);
    const known = this.discovered.get(key);
    if (known !== undefined && performance.now() - known.atMs < DISCOVERY_MS_MAX) return known.config;
    // Callers without a credential can cause this: one at a time for each provider.
    const underway = this.underway.get(key) ?? this.read(key, provider).finally(() => this.underway.delete(key));
    this.underway.set(key, underway);
    return underway;
  }

  private async read(key: string, provider: OidcProvider): Promise<client.Configuration> {
    const config = await this.configured(provider);
    this.discovered.delete(key);
    const [oldest] = this.discovered.keys();
    if (oldest !== undefined && this.discovered.size >= DISCOVERED_MAX) this.discovered.delete(oldest);
    this.discovered.set(key, { atMs: performance.now(), config });
    return config;
  }

  /** A secret under a key that is not given any more is of no use until an operator gives the key again. */
  private opened(clientSecret: string, organizationId: string): string {
    try {
      return this.sealing.open(clientSecret, sealedFor(organizationId));
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      throw new ProviderUnavailable('the client secret of the identity provider cannot be decrypted', { cause });
    }
  }

  /** Any answer to discovery that cannot be used is the provider's trouble and not the person's. */
  private async configured({ organizationId, issuer, clientId, clientSecret }: OidcProvider) {
    const secret = this.opened(clientSecret, organizationId);
    const insecure = this.settings.oidcPrivateNetwork ? [client.allowInsecureRequests] : [];
    try {
      const { fetch } = this.http;
      const options = { [client.customFetch]: fetch, execute: insecure };
      const metadata = (await client.discovery(new URL(issuer), clientId, secret, undefined, options)).serverMetadata();
      // openid-client takes what Microsoft's issuers for all tenants say; they vouch for the people of none.
      if (!isSameIssuer(metadata.issuer, issuer))
        throw new ProviderUnavailable('the identity provider calls itself by another issuer');
      const config = new client.Configuration(metadata, clientId, secret, authenticationOf(metadata, secret));
      config[client.customFetch] = fetch;
      // The ID token's signature is checked too, not only the connection that it came by.
      for (const extend of [...insecure, client.enableNonRepudiationChecks]) extend(config);
      if (!mayBeAsked(client.buildAuthorizationUrl(config, {}), this.settings.oidcPrivateNetwork))
        throw new ProviderUnavailable('the identity provider sends people to a URL that is not https');
      return config;
    } catch (cause) {
      if (cause instanceof ProviderUnavailable) throw cause;
      throw new ProviderUnavailable('the identity provider could not be discovered', { cause });
    }
  }
}

/** Basic authentication unless the provider takes only the form: that is what its absence from discovery means. */
function authenticationOf(metadata: client.ServerMetadata, secret: string): client.ClientAuth {
  const methods = metadata.token_endpoint_auth_methods_supported;
  const basic = methods === undefined || methods.includes('client_secret_basic');
  return basic ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret);
}

/** Only the browser that began can finish: without its secret there is no verifier to redeem the code with. */
function secretsOf(browserSecret: string): { readonly verifier: string; readonly nonce: string } {
  const derived = (use: string) => createHmac('sha256', browserSecret).update(use).digest('base64url');
  return { verifier: derived('oidc verifier'), nonce: derived('oidc nonce') };
}

function claimsIn(claims: Readonly<Record<string, unknown>>): ProviderClaims {
  const { iss, sub, email, email_verified: verified, name, auth_time: time } = claims;
  if (typeof iss !== 'string' || typeof sub !== 'string' || sub === '' || sub.length > SUBJECT_LENGTH_MAX)
    throw new ProviderAnswerRefused('the ID token has no subject that can be kept');
  return {
    issuer: iss,
    subject: sub,
    email: typeof email === 'string' ? email : null,
    emailVerified: verified === true,
    name: typeof name === 'string' ? name : null,
    authenticatedAt: typeof time === 'number' && time > 0 && time < 1e11 ? new Date(time * 1_000) : null,
  };
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    for (let each: unknown = cause; each instanceof Error; each = each.cause) {
      if (each instanceof ProviderUnavailable || each instanceof ProviderAnswerRefused) throw each;
    }
    throw new ProviderAnswerRefused('the answer of the identity provider is refused', { cause });
  }
}

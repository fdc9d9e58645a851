import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type ClientMetadata } from 'oidc-provider';

/** Somebody whom the provider knows. Claims are told as they stand here, whatever their type. */
interface TestAccount {
  readonly sub: string;
  readonly email?: unknown;
  readonly email_verified?: unknown;
  readonly name?: string;
}

/** For specs: oidc-provider on a free port of loopback, whose people sign in without a page. */
export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who is in front of the browser from now on. */
  signsIn(account: TestAccount): void;
  /** Whether the provider goes on with a running session although it is asked to let the person sign in again. */
  ignoresReauthentication: boolean;
  /** When people of a running session are said to have signed in, in seconds before now. */
  authenticatedSecondsAgo: number;
  /** Answers each request in place of the provider while it is set; returns false to let the provider answer. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  /** Changes the claims of each ID token before it is signed. */
  changeClaims: ((claims: Record<string, unknown>) => void) | null;
  /** Whether ID tokens are signed with a key that the provider does not publish. */
  forgesSignature: boolean;
  /** How often it was asked, by path. */
  readonly asked: Map<string, number>;
  /** Walks a browser from an authorization URL to the callback: its query, and nothing is sent there. */
  walk(authorizationUrl: string): Promise<URL>;
  stop(): Promise<void>;
}

/** An RSA key as a JWK, and one that nobody publishes. */
const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'jwk' });
const [KEY, FORGERS_KEY] = [newKey(), newKey()];
const KEY_ID = 'test';

const CLIENT_SECRET = 'a-client-secret-of-the-test-provider';

/** Starts a provider that sends people back to `redirectUri` alone. */
export async function startTestProvider(
  redirectUri: string,
  {
    client = {},
    idTokenHasAddress = true,
  }: { readonly client?: Partial<ClientMetadata>; readonly idTokenHasAddress?: boolean } = {},
): Promise<TestProvider> {
  const asked = new Map<string, number>();
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (stage.intercept?.(request, response) !== true) answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let account: TestAccount = { sub: 'nobody' };
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'tollgate',
        client_secret: CLIENT_SECRET,
        redirect_uris: [redirectUri],
        ...client,
      } as ClientMetadata,
    ],
    conformIdTokenClaims: !idTokenHasAddress,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    pkce: { required: () => true },
    cookies: { keys: ['a key of the test'] },
    jwks: { keys: [{ ...KEY, kid: KEY_ID, use: 'sig', alg: 'RS256' }] as never },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...account, sub }) as { sub: string } }),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  });
  const stage: TestProvider = {
    issuer,
    clientId: 'tollgate',
    clientSecret: CLIENT_SECRET,
    signsIn: (who) => {
      account = who;
      cookies.clear();
    },
    ignoresReauthentication: false,
    authenticatedSecondsAgo: 0,
    intercept: null,
    changeClaims: null,
    forgesSignature: false,
    asked,
    walk,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  provider.use(async (context, next) => {
    await next();
    const body = context.body as { id_token?: string } | undefined;
    if (body?.id_token !== undefined) body.id_token = signedAnew(body.id_token, stage);
  });
  const callback = provider.callback();
  answer = (request, response) => {
    if (request.url?.startsWith('/interaction/') === true) void interact(request, response);
    else {
      if (stage.ignoresReauthentication) request.url = (request.url ?? '').replace(/&?(?:max_age|prompt)=[^&]*/g, '');
      void callback(request, response);
    }
  };

  /** What the pages of a provider do: the person signs in and agrees. */
  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, params, grantId } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      const ts = Math.floor(Date.now() / 1_000) - stage.authenticatedSecondsAgo;
      await provider.interactionFinished(request, response, { login: { accountId: account.sub, ts } });
      return;
    }
    const grant =
      (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
      new provider.Grant({ accountId: account.sub, clientId: String(params['client_id']) });
    grant.addOIDCScope('openid email profile');
    await provider.interactionFinished(
      request,
      response,
      { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true },
    );
  }

  const cookies = new Map<string, string>();
  async function walk(authorizationUrl: string): Promise<URL> {
    let url = new URL(authorizationUrl);
    for (let steps = 0; steps < 12; steps += 1) {
      if (url.href.startsWith(redirectUri)) return url;
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const reply = await fetch(url, { redirect: 'manual', headers: { cookie } });
      for (const set of reply.headers.getSetCookie()) {
        const [pair = ''] = set.split(';');
        const at = pair.indexOf('=');
        cookies.set(pair.slice(0, at), pair.slice(at + 1));
      }
      const location = reply.headers.get('location');
      if (location === null) throw new Error(`the provider answered ${reply.status}: ${await reply.text()}`);
      url = new URL(location, url);
    }
    throw new Error('the provider goes round in circles');
  }
  return stage;
}

function signedAnew(token: string, { changeClaims, forgesSignature }: TestProvider): string {
  const [head = '', payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  changeClaims?.(claims);
  const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  const key = createPrivateKey({ key: forgesSignature ? FORGERS_KEY : KEY, format: 'jwk' });
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

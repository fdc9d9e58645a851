import { randomUUID } from 'node:crypto';
import {
  decidePermission,
  PERMISSIONS,
  ROLES,
  type AdminOperation,
  type ApiKeyPrincipal,
  type PersonPrincipal,
  type Principal,
  type Role,
} from '@tollgate/access';
import { generateSecret, SCOPES, type Scope } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT, csrfTokenOf, sessionCookieName } from '@tollgate/auth';
import type { IdentifiedPrincipal, IdentifyPrincipalRequest } from '@tollgate/contracts';
import { InternalCallError } from '@tollgate/http';
import { readDocument } from '@tollgate/openapi';
import { expect, it } from 'vitest';

const ORGANIZATION: string = randomUUID();
const COOKIE = sessionCookieName(ADMIN_API_DEFAULT.publicUrl);

/** Stands for key-management: whose the credentials of these tests are. */
export class FakeIdentities {
  readonly #keys = new Map<string, ApiKeyPrincipal>();
  readonly #sessions = new Map<string, { readonly organizationId: string; readonly role: Role }>();
  /** What it does instead of answering; null if it answers. */
  trouble: InternalCallError | null = null;

  key(scopes: readonly Scope[], organizationId: string = ORGANIZATION): string {
    const secret = generateSecret('TestMark').reveal();
    this.#keys.set(secret, { kind: 'api_key', apiKeyId: randomUUID(), organizationId, scopes });
    return secret;
  }

  session(role: Role, organizationId: string = ORGANIZATION): string {
    const token = generateSecret('TestMark').reveal().slice(3, 46);
    this.#sessions.set(token, { organizationId, role });
    return token;
  }

  readonly identifyPrincipal = (request: IdentifyPrincipalRequest): Promise<IdentifiedPrincipal> => {
    if (this.trouble !== null) return Promise.reject(this.trouble);
    const principal = this.#principalOf(request);
    return Promise.resolve(principal === null ? { outcome: 'unknown' } : { outcome: 'identified', principal });
  };

  #principalOf({ credential, organizationId }: IdentifyPrincipalRequest): ApiKeyPrincipal | PersonPrincipal | null {
    if (credential.kind === 'api_key') return this.#keys.get(credential.secret) ?? null;
    if (credential.kind === 'project_key') return null;
    const member = this.#sessions.get(credential.token);
    if (member === undefined) return null;
    const isThere = organizationId === null || organizationId === member.organizationId;
    return {
      kind: 'person',
      personId: randomUUID(),
      sessionId: randomUUID(),
      organizationId: isThere ? member.organizationId : null,
      role: isThere ? member.role : null,
      provenAtMs: 0,
    };
  }
}

const operations = Object.entries(readDocument('usage-billing').paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, { operationId }]) => ({
    method: method.toUpperCase(),
    path,
    operation: operationId as AdminOperation,
  })),
);

/** A refusal in our own shape, or in OpenRouter's. */
interface Refusal {
  readonly code?: string;
  readonly error?: { readonly metadata: { readonly code: string } };
}

/** What a caller hears who may ask: a reply, or what is wrong with a request without a body or with a made-up id. */
const PASSED = /^(200|400 invalid_(request|json)|404 (?!organization_not_found)\w+_not_found)$/;

/** The tests of who may ask usage-billing for what. `url` is where it listens. */
export function usagePermissions(url: () => string, adminSecret: string, identities: FakeIdentities): void {
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const cookie = (token: string) => ({
    cookie: `${COOKIE}=${token}`,
    origin: new URL(ADMIN_API_DEFAULT.publicUrl).origin,
    'x-csrf-token': csrfTokenOf(token),
  });
  const ask = async ({ method, path }: { method: string; path: string }, headers: Record<string, string>) => {
    const query = path.endsWith('/events') ? `?request_id=${randomUUID()}` : '';
    const filled = path.replace('/organizations/{id}', `/organizations/${ORGANIZATION}`).replace('{id}', randomUUID());
    const named = { 'x-organization-id': ORGANIZATION, ...headers };
    const reply = await fetch(`${url()}${filled}${query}`, { method, headers: named });
    const body = (await reply.json()) as Refusal;
    // Below /api a refusal has the shape of another product: its status as the code, and ours besides.
    const code = body.error === undefined ? body.code : body.error.metadata.code;
    return code === undefined ? String(reply.status) : `${reply.status} ${code}`;
  };
  const key = (...scopes: Scope[]): [Record<string, string>, Principal] => [
    bearer(identities.key(scopes)),
    { kind: 'api_key', apiKeyId: '', organizationId: ORGANIZATION, scopes },
  ];
  const member = (role: Role): [Record<string, string>, Principal] => [
    cookie(identities.session(role)),
    { kind: 'person', personId: '', sessionId: '', organizationId: ORGANIZATION, role, provenAtMs: 0 },
  ];

  it.each<[string, () => [Record<string, string>, Principal | null]]>([
    ['nobody', () => [{}, null]],
    ['the admin secret', () => [bearer(adminSecret), { kind: 'operator', organizationId: ORGANIZATION }]],
    ...SCOPES.map((scope): [string, () => [Record<string, string>, Principal]] => [
      `a key with ${scope}`,
      () => key(scope),
    ]),
    ...ROLES.map((role): [string, () => [Record<string, string>, Principal]] => [`a ${role}`, () => member(role)]),
  ])('is open to %s as the table says', async (_, caller) => {
    const [headers, principal] = caller();
    expect(operations.length).toBeGreaterThan(1);
    for (const each of operations) {
      const decision = decidePermission(principal, PERMISSIONS[each.operation], 0);
      const answer = await ask(each, headers);
      if (principal === null) expect(answer, each.operation).toBe('401 missing_credential');
      else if (decision.kind === 'allowed') expect(answer, each.operation).toMatch(PASSED);
      else expect(answer, each.operation).toBe('403 access_denied');
    }
  });

  it('is not there for another organisation, nor for a credential of nobody', async () => {
    for (const each of operations) {
      for (const foreign of [
        bearer(identities.key(SCOPES, randomUUID())),
        cookie(identities.session('owner', randomUUID())),
      ])
        expect(await ask(each, foreign)).toBe('404 organization_not_found');
    }
    // No more than may be guessed in a minute.
    for (const each of operations.slice(0, 4))
      for (const wrong of [bearer(generateSecret('TestMark').reveal()), cookie('A'.repeat(43))])
        expect(await ask(each, wrong)).toBe('401 invalid_credential');
  });

  it.each([
    ['is away', new InternalCallError('/internal/principals/identify', 'unreachable')],
    ['is of the release before', new InternalCallError('/x', 'refused', { status: 404, code: 'not_found' })],
  ])(
    'answers 503 for keys and sessions while key-management %s, and the admin secret all the same',
    async (_, trouble) => {
      const [headers] = key('admin');
      identities.trouble = trouble;
      try {
        for (const each of operations) {
          expect(await ask(each, headers)).toBe('503 service_unavailable');
          expect(await ask(each, cookie('B'.repeat(43)))).toBe('503 service_unavailable');
          expect(await ask(each, bearer(adminSecret)), each.operation).toMatch(PASSED);
        }
      } finally {
        identities.trouble = null;
      }
      // None of that counted as a wrong guess.
      const open = operations.find(({ operation }) => operation === 'getUsage')!;
      for (let at = 0; at < 20; at++) expect(await ask(open, headers)).toMatch(PASSED);
    },
  );
}

import { randomUUID } from 'node:crypto';
import {
  decidePermission,
  PERMISSIONS,
  ROLES,
  type ApiKeyPrincipal,
  type PersonPrincipal,
  type Principal,
  type Role,
} from '@tollgate/access';
import { generateSecret, SCOPES, type Scope } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT, csrfTokenOf, sessionCookieName } from '@tollgate/auth';
import type { IdentifiedPrincipal, IdentifyPrincipalRequest } from '@tollgate/contracts';
import { InternalCallError } from '@tollgate/http';
import { expect, it } from 'vitest';
import {
  realRequest,
  USAGE_OPERATIONS,
  type DocumentedOperation,
  type UsageOperationsStage,
} from './usage-operations.js';

const COOKIE = sessionCookieName(ADMIN_API_DEFAULT.publicUrl);

/** Stands for key-management: whose the credentials of these tests are. */
export class FakeIdentities {
  readonly #keys = new Map<string, ApiKeyPrincipal>();
  readonly #sessions = new Map<string, { readonly organizationId: string; readonly role: Role }>();
  /** What it does instead of answering; null if it answers. */
  trouble: InternalCallError | null = null;

  key(scopes: readonly Scope[], organizationId: string): string {
    const secret = generateSecret('TestMark').reveal();
    this.#keys.set(secret, { kind: 'api_key', apiKeyId: randomUUID(), organizationId, scopes });
    return secret;
  }

  session(role: Role, organizationId: string): string {
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

/** A refusal in our own shape, or in OpenRouter's. */
interface Refusal {
  readonly code?: string;
  readonly error?: { readonly metadata: { readonly code: string } };
}

/** What the operator alone may do, whatever a tenant has: it is set against the tenant, or spans tenants. */
const OF_THE_OPERATOR = [
  ...[
    'createCreditGrant',
    'expireCreditGrant',
    'setOrganizationBilling',
    'setOrganizationPrices',
    'createPlan',
    'updatePlan',
    'deletePlan',
  ],
  ...['listQuarantinedEvents', 'getQuarantinedEvent', 'replayQuarantinedEvent', 'discardQuarantinedEvent'],
  ...['getReconciliation', 'importProviderReport', 'listProviderReports', 'getProviderReport'],
  ...['listOrganizationExports', 'getOrganizationExport'],
];

/** The tests of who may ask usage-billing for what, each with requests that would succeed. */
export function usagePermissions(stage: UsageOperationsStage, identities: FakeIdentities): void {
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const operator = bearer(stage.adminSecret);
  const cookie = (token: string) => ({
    cookie: `${COOKIE}=${token}`,
    origin: new URL(ADMIN_API_DEFAULT.publicUrl).origin,
    'x-csrf-token': csrfTokenOf(token),
  });
  /** What is answered: the status of success, or status and code. */
  const ask = async (each: DocumentedOperation, organizationId: string, headers: Record<string, string>) => {
    const { method, path, body } = await realRequest(stage, each, organizationId);
    const reply = await fetch(`${stage.url()}${path}`, {
      method,
      headers: { 'x-organization-id': organizationId, ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (reply.ok) return String(reply.status);
    // Below /api a refusal has the shape of another product: its status as the code, and ours besides.
    const refusal = JSON.parse(text) as Refusal;
    return `${reply.status} ${refusal.error === undefined ? refusal.code : refusal.error.metadata.code}`;
  };
  const key = (organizationId: string, ...scopes: Scope[]): [Record<string, string>, Principal] => [
    bearer(identities.key(scopes, organizationId)),
    { kind: 'api_key', apiKeyId: '', organizationId, scopes },
  ];
  const member = (organizationId: string, role: Role): [Record<string, string>, Principal] => [
    cookie(identities.session(role, organizationId)),
    { kind: 'person', personId: '', sessionId: '', organizationId, role, provenAtMs: 0 },
  ];

  it.each<[string, (organizationId: string) => [Record<string, string>, Principal | null]]>([
    ['nobody', () => [{}, null]],
    ['the admin secret', (organizationId) => [operator, { kind: 'operator', organizationId }]],
    ...SCOPES.map((scope): [string, (organizationId: string) => [Record<string, string>, Principal]] => [
      `a key with ${scope}`,
      (organizationId) => key(organizationId, scope),
    ]),
    ...ROLES.map((role): [string, (organizationId: string) => [Record<string, string>, Principal]] => [
      `a ${role}`,
      (organizationId) => member(organizationId, role),
    ]),
  ])(
    'is open to %s as the table says: what is allowed succeeds, and all else is refused',
    async (_, caller) => {
      const organizationId = randomUUID();
      const [headers, principal] = caller(organizationId);
      const [told, wanted]: Record<string, string>[] = [{}, {}];
      for (const each of USAGE_OPERATIONS) {
        const decision = decidePermission(principal, PERMISSIONS[each.operation], 0);
        const refusal = principal === null ? '401 missing_credential' : '403 access_denied';
        wanted![each.operation] = decision.kind === 'allowed' ? String(each.status) : refusal;
        told![each.operation] = await ask(each, organizationId, headers);
      }
      expect(told).toEqual(wanted);
    },
    120_000,
  );

  it('lets nobody but the operator set what is set against a tenant, or see what spans tenants', async () => {
    const organizationId = randomUUID();
    expect(
      USAGE_OPERATIONS.filter(({ operation }) => PERMISSIONS[operation].kind === 'operator').map(
        ({ operation }) => operation,
      ),
    ).toEqual(expect.arrayContaining(OF_THE_OPERATOR));
    const everything = [key(organizationId, ...SCOPES)[0], member(organizationId, 'owner')[0]];
    for (const each of USAGE_OPERATIONS.filter(({ operation }) => OF_THE_OPERATOR.includes(operation)))
      for (const headers of everything)
        expect(await ask(each, organizationId, headers), each.operation).toBe('403 access_denied');
  });

  it('is not there for another organisation, nor for a credential of nobody', async () => {
    const foreign = [bearer(identities.key(SCOPES, randomUUID())), cookie(identities.session('owner', randomUUID()))];
    for (const each of USAGE_OPERATIONS)
      for (const headers of foreign)
        expect(await ask(each, randomUUID(), headers), each.operation).toBe('404 organization_not_found');
    // No more than may be guessed in a minute.
    for (const each of USAGE_OPERATIONS.slice(0, 4))
      for (const wrong of [bearer(generateSecret('TestMark').reveal()), cookie('A'.repeat(43))])
        expect(await ask(each, randomUUID(), wrong)).toBe('401 invalid_credential');
  });

  it('shows and changes nothing of another organisation, whose ids somebody knows', async () => {
    const [theirs, own] = [randomUUID(), randomUUID()];
    for (const [headers, principal] of [key(own, ...SCOPES), member(own, 'owner')])
      for (const each of USAGE_OPERATIONS.filter(
        ({ operation, path }) => isOfTenant(operation) && path.includes('{'),
      )) {
        if (decidePermission(principal, PERMISSIONS[each.operation], 0).kind !== 'allowed') continue;
        const { method, path, body } = await realRequest(stage, each, theirs);
        const reply = await fetch(`${stage.url()}${path}`, {
          method,
          headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
          ...(body && { body: JSON.stringify(body) }),
        });
        const shown = await reply.text();
        expect(reply.status, `${each.operation}: ${shown}`).toBe(404);
        expect(shown).not.toContain(theirs);
      }
  });

  it.each([
    ['is away', new InternalCallError('/internal/principals/identify', 'unreachable')],
    ['is of the release before', new InternalCallError('/x', 'refused', { status: 404, code: 'not_found' })],
  ])(
    'answers 503 for keys and sessions while key-management %s, and the admin secret all the same',
    async (_, trouble) => {
      const own = randomUUID();
      const [headers] = key(own, 'admin');
      identities.trouble = trouble;
      try {
        for (const each of USAGE_OPERATIONS) {
          const organizationId = randomUUID();
          expect(await ask(each, organizationId, headers)).toBe('503 service_unavailable');
          expect(await ask(each, organizationId, cookie('B'.repeat(43)))).toBe('503 service_unavailable');
          expect(await ask(each, organizationId, operator), each.operation).toBe(String(each.status));
        }
      } finally {
        identities.trouble = null;
      }
      // None of that counted as a wrong guess.
      const open = USAGE_OPERATIONS.find(({ operation }) => operation === 'getUsage')!;
      for (let at = 0; at < 20; at++) expect(await ask(open, own, headers)).toBe('200');
    },
    60_000,
  );
}

/** Whether it is about one organisation: plans are of the whole installation, and prices the same for all. */
const isOfTenant = (operation: DocumentedOperation['operation']): boolean =>
  PERMISSIONS[operation].kind === 'organization' && operation !== 'getPriceVersion';

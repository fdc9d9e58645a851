import { randomUUID } from 'node:crypto';
import type { KeySpending, KeySubscriptionCycle, OrganizationsChangedV1 } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

let stage: KeyManagementStage;
const organization = randomUUID();
const charged = new Map<string, string>();
let cycle: KeySubscriptionCycle | null = null;
let away = false;
/** What usage-billing says of accounts, in nano-USD; null where it does not say. */
let balances: ReadonlyMap<string, { readonly posted: bigint; readonly held: bigint }> | null = new Map();

const spendingOf = (apiKeyId: string): KeySpending => ({
  apiKeyId,
  requests: 1,
  inputTokens: 1,
  outputTokens: 1,
  chargedNanoUsd: charged.get(apiKeyId) ?? '0',
  chargedTodayNanoUsd: charged.get(apiKeyId) ?? '0',
  chargedThisWeekNanoUsd: charged.get(apiKeyId) ?? '0',
  chargedThisMonthNanoUsd: charged.get(apiKeyId) ?? '0',
  lastUsedAt: null,
  lastUsedFrom: null,
});

beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: (_organization, ids) =>
        away ? Promise.reject(new Error('away')) : Promise.resolve(ids.map(spendingOf)),
      accountBalances: async ({ accounts }) => {
        if (balances === null) throw new Error('away');
        return accounts.map(({ accountId }) => {
          const { posted, held } = balances?.get(accountId) ?? { posted: 0n, held: 0n };
          return { accountId, postedNanoUsd: posted.toString(), heldNanoUsd: held.toString() };
        });
      },
      subscriptionOfKey: () => (away ? Promise.reject(new Error('away')) : Promise.resolve(cycle)),
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  await stage.database.dataSource.query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organization]);
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function send(
  method: 'GET' | 'POST' | 'PATCH' | 'PUT',
  url: string,
  bearer: string | null,
  body?: object,
  of: string = organization,
) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
      ...(bearer === ADMIN && { 'x-organization-id': of }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json<Record<string, unknown>>() };
}
const credits = (bearer: string | null) => send('GET', '/v1/dashboard/billing/credits', bearer);
async function make(fields: object): Promise<{ id: string; secret: string }> {
  const { status, body } = await send('POST', '/v1/api-keys', ADMIN, { name: 'a key', ...fields });
  expect(status).toBe(201);
  return body as { id: string; secret: string };
}

describe('what the key that asks has left', () => {
  it.each([['inference:read'], ['inference:write'], ['analytics:read'], ['admin']])(
    'needs no scope: %s',
    async (scope) => {
      const { secret } = await make({ scopes: [scope] });
      expect(await credits(secret)).toMatchObject({
        status: 200,
        body: {
          object: 'billing_credits',
          is_subscriber: false,
          payg: { remaining_usd: null, used_usd: 0, total_usd: null, is_unlimited: true },
        },
      });
    },
  );

  it('is told to one that has spent its limit, and is its own alone', async () => {
    const [spent, other] = [await make({ credit_limit_usd: '7' }), await make({ credit_limit_usd: '7' })];
    charged.set(spent.id, '7000000000');
    charged.set(other.id, '2000000000');
    const payg = async ({ secret }: { secret: string }) => (await credits(secret)).body['payg'];
    expect(await payg(spent)).toEqual({ remaining_usd: 0, used_usd: 7, total_usd: 7, is_unlimited: false });
    expect(await payg(other)).toEqual({ remaining_usd: 5, used_usd: 2, total_usd: 7, is_unlimited: false });
  });

  it('is the cycle of its subscription', async () => {
    const { secret } = await stage.api.createSubscriptionKey({
      apiKeyId: randomUUID(),
      organizationId: organization,
      name: 'pro',
      expiresAt: null,
      creditLimitNanoUsd: null,
      creditReset: 'never',
      models: null,
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    });
    cycle = {
      plan: 'pro',
      status: 'active',
      startsAt: '2026-11-16T10:02:35.000Z',
      endsAt: '2026-12-16T10:02:35.000Z',
      quotaNanoUsd: '20000000000',
      quotaUsedNanoUsd: '500000000',
      paygCapNanoUsd: null,
      paygUsedNanoUsd: '0',
    };
    expect((await credits(secret)).body).toEqual({
      object: 'billing_credits',
      is_subscriber: true,
      payg: { remaining_usd: 0, used_usd: 0, total_usd: 0, is_unlimited: false },
      subscription: {
        plan_type: 'pro',
        status: 'active',
        cycle_quota_limit: 20,
        cycle_quota_used: 0.5,
        cycle_quota_remaining: 19.5,
        cycle_start: '2026-11-16T10:02:35.000Z',
        cycle_end: '2026-12-16T10:02:35.000Z',
        payg_fallback_enabled: false,
      },
    });
    cycle = { ...cycle, status: 'ended' };
    expect((await credits(secret)).body).toMatchObject({ is_subscriber: false });
  });

  describe('by what it shares with others', () => {
    const NANO = 1_000_000_000n;
    let of: string;
    let version = 0;
    beforeEach(async () => {
      of = String((await send('POST', '/v1/organizations', ADMIN, { name: 'Sharing' })).body['id']);
      balances = new Map();
      version = 0;
    });
    const limit = (usd: string) => send('PATCH', `/v1/organizations/${of}`, ADMIN, { credit_limit_usd: usd });
    const agree = (terms: Partial<OrganizationsChangedV1>) =>
      stage.api.takeOrganizationTerms({
        ...{ eventVersion: 1, organizationId: of, version: ++version, budgets: [], grants: null, markupMillionths: 0 },
        ...terms,
      });
    const grantOf = (grantId: string, usd: bigint, expiresAtMs: number | null = null) => ({
      grantId,
      amountNanoUsd: (usd * NANO).toString(),
      expiresAtMs,
    });
    const budgetOf = (kind: 'group' | 'project', ownerId: string, usd: bigint) => ({
      ...{ kind, ownerId, reset: 'never' as const, generation: 1, raise: null },
      capNanoUsd: (usd * NANO).toString(),
    });
    const madeIn = async (what: 'groups' | 'projects') =>
      String((await send('POST', `/v1/${what}`, ADMIN, { name: 'shared' }, of)).body['id']);
    const used = (accountId: string, posted: bigint, held = 0n) =>
      (balances = new Map([...balances!, [accountId, { posted: posted * NANO, held: held * NANO }]]));

    it.each<[string, (keyFields: Record<string, unknown>) => Promise<unknown>, number | null]>([
      ['nothing', () => Promise.resolve(), null],
      ['the limit of its organisation', () => limit('7'), 7],
      ['a limit of nothing', () => limit('0'), 0],
      [
        'a limit of which others have used and hold something',
        async () => {
          await limit('7');
          used(`organization:${of}`, 3n, 1n);
        },
        3,
      ],
      ['prepaid credit of which nothing was given', () => agree({ grants: [] }), 0],
      [
        'grants, one of which is spent in part and one has expired',
        async () => {
          used('grant:a', 4n, 1n);
          await agree({ grants: [grantOf('a', 7n), grantOf('b', 5n), grantOf('c', 9n, Date.now() - 1)] });
        },
        7,
      ],
      [
        'the budget of its group, where that is less than the balance',
        async (fields) => {
          const group = await madeIn('groups');
          fields['groups'] = [group];
          used(`group:${group}`, 2n);
          await agree({ budgets: [budgetOf('group', group, 5n)], grants: [grantOf('a', 4n)] });
        },
        3,
      ],
      [
        'the budget of its project, and one of a group that it is not in',
        async (fields) => {
          const [project, group] = [await madeIn('projects'), await madeIn('groups')];
          fields['project_id'] = project;
          await agree({ budgets: [budgetOf('project', project, 6n), budgetOf('group', group, 1n)] });
        },
        6,
      ],
      ['a balance, where its own limit is less', () => agree({ grants: [grantOf('a', 20n)] }), 20],
    ])('says what its next call may cost at most: %s', async (_what, situation, shared) => {
      const fields: Record<string, unknown> = {};
      await situation(fields);
      const own = async (more: object) => {
        const { body } = await send('POST', '/v1/api-keys', ADMIN, { name: 'a key', ...fields, ...more }, of);
        return (await credits(String(body['secret']))).body['payg'];
      };
      const left = { remaining_usd: shared, used_usd: 0, total_usd: shared, is_unlimited: shared === null };
      expect(await own({})).toEqual(left);
      const least = Math.min(10, shared ?? 10);
      const limited = { remaining_usd: least, used_usd: 0, total_usd: least, is_unlimited: false };
      expect(await own({ credit_limit_usd: '10' })).toEqual(limited);
      // Who may not call is refused for no credit, and told nothing of it.
      expect(await own({ scopes: ['inference:read'] })).toMatchObject({ remaining_usd: null, is_unlimited: true });
    });

    it('is 503 where it is not known what others have used', async () => {
      const { body } = await send('POST', '/v1/api-keys', ADMIN, { name: 'a key' }, of);
      await agree({ grants: [grantOf('a', 5n)] });
      balances = null;
      expect(await credits(String(body['secret']))).toMatchObject({ status: 503 });
      // Of an organisation's limit key-management knows itself what counts.
      await agree({ grants: null });
      await limit('7');
      expect((await credits(String(body['secret']))).body['payg']).toMatchObject({ remaining_usd: 7 });
    });
  });

  it('is 503 while usage-billing is away: an unknown sum is not 0', async () => {
    const { secret } = await make({ credit_limit_usd: '7' });
    away = true;
    try {
      const reply = await credits(secret);
      expect([reply.status, reply.body['code'], reply.headers['retry-after']]).toEqual([
        503,
        'service_unavailable',
        '1',
      ]);
    } finally {
      away = false;
    }
  });

  it('is for keys alone, and not for those that have ended', async () => {
    expect((await credits(ADMIN)).body['code']).toBe('access_denied');
    expect((await credits(null)).body['code']).toBe('missing_credential');
    const { id, secret } = await make({});
    await send('POST', `/v1/api-keys/${id}/revoke`, ADMIN);
    expect((await credits(secret)).body['code']).toBe('invalid_credential');
  });
});

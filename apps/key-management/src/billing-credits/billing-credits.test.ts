import { randomUUID } from 'node:crypto';
import type { KeySpending, KeySubscriptionCycle } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

let stage: KeyManagementStage;
const organization = randomUUID();
const charged = new Map<string, string>();
let cycle: KeySubscriptionCycle | null = null;
let away = false;

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
      subscriptionOfKey: () => (away ? Promise.reject(new Error('away')) : Promise.resolve(cycle)),
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  await stage.database.dataSource.query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [organization]);
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function send(method: 'GET' | 'POST', url: string, bearer: string | null, body?: object) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
      ...(bearer === ADMIN && { 'x-organization-id': organization }),
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

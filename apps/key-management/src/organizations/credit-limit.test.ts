import { randomUUID } from 'node:crypto';
import { KEYS_USED_V1, type LoadAccountRequest } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KeysUsedController } from '../keys/key-use/keys-used.controller.js';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';

const snapshots = new MemoryKeySnapshots();
const loads: LoadAccountRequest[] = [];
/** What usage-billing has for an organisation; null while it cannot be asked. */
let posted: string | null = '0';
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: () => Promise.resolve([]),
      loadAccount: (request) => {
        loads.push(request);
        return posted === null ? Promise.reject(new Error('away')) : Promise.resolve({ postedNanoUsd: posted });
      },
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers },
    ...(body && { payload: JSON.stringify(body) }),
  });
  return { status: reply.statusCode, body: reply.json(), etag: reply.headers.etag };
}

describe("an organisation's credit limit", () => {
  let id: string;
  beforeEach(async () => {
    loads.length = 0;
    posted = '0';
    id = (await call('POST', '/v1/organizations', { name: 'Acme' })).body.id;
  });
  const patch = (body: object, headers?: Record<string, string>) =>
    call('PATCH', `/v1/organizations/${id}`, body, headers);
  const snapshot = async () => {
    const read = await snapshots.readOrganization(id);
    return read.kind === 'found' ? read.snapshot : null;
  };

  it('that is the first counts what its keys were charged, and says what is used and left', async () => {
    posted = '3000000000';
    expect((await patch({ credit_limit_usd: '10.5' })).body).toMatchObject({
      credit_limit_usd: '10.5',
      credit_used_usd: '3',
      credit_remaining_usd: '7.5',
    });
    const account = { accountId: `organization:${id}`, apiKeyId: null, reset: 'never', startMs: null };
    expect(loads).toEqual([{ organizationId: id, ...account, generation: 2 }]);
    expect(await snapshot()).toMatchObject({
      capNanoUsd: '10500000000',
      capGeneration: 2,
      state: 'extended',
      version: 2,
    });
  });
  it('that is raised or lowered is the same limit, also below what is used', async () => {
    await patch({ credit_limit_usd: 10 });
    posted = '7000000000';
    expect((await patch({ credit_limit_usd: 5 })).body).toMatchObject({
      credit_limit_usd: '5',
      credit_used_usd: '7',
      credit_remaining_usd: '0',
    });
    expect((await patch({ credit_limit_usd: '8' })).body).toMatchObject({ credit_remaining_usd: '1' });
    expect(loads.map(({ generation }) => generation)).toEqual([2, 2, 2]);
    expect(await snapshot()).toMatchObject({ capNanoUsd: '8000000000', capGeneration: 2, version: 4 });
  });
  it('is cleared by null and kept where it is left out; set again it counts from its new version', async () => {
    await patch({ credit_limit_usd: 10 });
    expect((await patch({ name: 'Acme, Berlin' })).body).toMatchObject({ credit_limit_usd: '10' });
    expect((await patch({ credit_limit_usd: null })).body).toMatchObject({
      credit_limit_usd: null,
      credit_used_usd: null,
      credit_remaining_usd: null,
    });
    expect(await snapshot()).toMatchObject({ capNanoUsd: null, version: 4 });
    await patch({ credit_limit_usd: 10 });
    expect(loads.map(({ generation }) => generation)).toEqual([2, 5]);
    expect(await snapshot()).toMatchObject({ capGeneration: 5, version: 5 });
  });
  it('that is set once more as it is makes no new version', async () => {
    const { etag } = await patch({ credit_limit_usd: '10' });
    expect((await patch({ credit_limit_usd: 10.0 })).etag).toBe(etag);
    expect((await patch({ credit_limit_usd: '11' }, { 'if-match': '"1"' })).status).toBe(412);
  });
  it('is set although usage-billing cannot be asked; what is used is then what was told last', async () => {
    posted = null;
    const key = (await call('POST', '/v1/api-keys', { name: 'k' }, { 'x-organization-id': id })).body;
    const sums = { requests: 1, inputTokens: 1, outputTokens: 1, chargedNanoUsd: '2000000000' };
    const periods = {
      day: '2026-11-29',
      chargedTodayNanoUsd: '0',
      chargedThisWeekNanoUsd: '0',
      chargedThisMonthNanoUsd: '0',
    };
    const last = { lastUsedAt: '2026-11-29T00:00:00.000Z', lastUsedFrom: null, secrets: [] };
    const keys = [key.id, randomUUID()].map((apiKeyId) => ({ apiKeyId, sequence: 1, ...sums, ...periods, ...last }));
    const value = JSON.stringify({ eventVersion: 1, organizationId: id, keys });
    const message = { offset: 0n, part: 0, key: id, value };
    await stage.app.get(KeysUsedController).onKeysUsed({ topic: KEYS_USED_V1, partition: -1, messages: [message] });
    const shown = { credit_limit_usd: '10', credit_used_usd: '2', credit_remaining_usd: '8' };
    expect((await patch({ credit_limit_usd: 10 })).body).toMatchObject(shown);
    expect((await call('GET', `/v1/organizations/${id}`)).body).toMatchObject(shown);
    expect((await call('GET', `/v1/api-keys/${key.id}`, undefined, { 'x-organization-id': id })).etag).toBe('"1"');
  });
  it('is raised until a moment by the operator alone; the raise ends by itself, and with the limit', async () => {
    await patch({ credit_limit_usd: '10' });
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const raise = { amount_usd: '2.5', until };
    posted = '11000000000';
    expect((await patch({ credit_limit_raise: raise })).body).toMatchObject({
      credit_limit_usd: '10',
      credit_limit_raise: raise,
    });
    const known = { amountNanoUsd: '2500000000', untilMs: Date.parse(until) };
    expect(await snapshot()).toMatchObject({ capNanoUsd: '10000000000', capRaise: known, version: 3 });
    expect((await patch({ credit_limit_raise: raise })).etag).toBe('"3"');
    expect((await patch({ credit_limit_usd: '12' })).body).toMatchObject({
      credit_limit_raise: raise,
      credit_remaining_usd: '3.5',
    });
    expect((await patch({ credit_limit_raise: null })).body).toMatchObject({ credit_limit_raise: null });
    expect(await snapshot()).not.toHaveProperty('capRaise');
    await patch({ credit_limit_raise: raise });
    expect((await patch({ credit_limit_usd: null })).body).toMatchObject({ credit_limit_raise: null });
    expect(await patch({ credit_limit_raise: raise })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'credit_limit_raise' }] },
    });
    expect(await patch({ credit_limit_usd: 9_000_000, credit_limit_raise: raise })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'credit_limit_raise.amount_usd' }] },
    });
    const admin = (await call('POST', '/v1/api-keys', { name: 'a', scopes: ['admin'] }, { 'x-organization-id': id }))
      .body;
    const asKey = { authorization: `Bearer ${admin.secret}` };
    expect((await patch({ credit_limit_raise: null }, asKey)).status).toBe(403);
  });
  it.each([-1, '-1', '1.0000000001', 9_000_001, 'ten', '', true, [], {}])('is no %j', async (amount) => {
    expect(await patch({ credit_limit_usd: amount })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'credit_limit_usd' }] },
    });
  });
  it('is the operator’s alone: a key with the scope admin may rename, and set no limit', async () => {
    const admin = (await call('POST', '/v1/api-keys', { name: 'a', scopes: ['admin'] }, { 'x-organization-id': id }))
      .body;
    const asKey = { authorization: `Bearer ${admin.secret}` };
    for (const credit_limit_usd of ['10', null])
      expect(await patch({ credit_limit_usd }, asKey)).toMatchObject({ status: 403, body: { code: 'access_denied' } });
    expect((await snapshot())?.version).toBe(1);
  });
});

import { digestSecret } from '@tollgate/api-key';
import { KEYS_CHANGED_V1, keysChangedV1 } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

const snapshots = new MemoryKeySnapshots();
const published: string[] = [];
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: {
      publish: async (topic, messages) => {
        if (topic === KEYS_CHANGED_V1) published.push(...messages.map(({ value }) => value.toString()));
      },
    },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);
beforeEach(() => void (published.length = 0));

async function post(path: string, body: object = {}) {
  const reply = await stage.app.inject({
    method: 'POST',
    url: `/v1/api-keys${path}`,
    headers: { authorization: `Bearer ${ADMIN}` },
    payload: body,
  });
  expect(reply.statusCode, reply.body).toBeLessThan(300);
  return reply.json();
}
async function state(id: string): Promise<{ state: string; secrets: { end_reason: string | null }[] }> {
  const reply = await stage.app.inject({
    method: 'GET',
    url: `/v1/api-keys/${id}`,
    headers: { authorization: `Bearer ${ADMIN}` },
  });
  return reply.json();
}
const digestOf = (secret: string) => digestSecret(secret, PEPPER);
const report = (...secrets: string[]) =>
  stage.api.revokeLeakedKeys({ origin: 'github', digests: secrets.map(digestOf) });
async function stored(secret: string) {
  const read = await snapshots.read(digestOf(secret));
  return read.kind === 'found' ? read.snapshot : null;
}
/** A key with a former secret that can still be used, and its present one. */
async function rotatedKey(grace = 3_600) {
  const made = await post('', { name: 'leaky' });
  const { secret } = await post(`/${made.id}/rotate`, { grace_period_seconds: grace });
  return {
    id: made.id as string,
    former: made.secret as string,
    masked: made.masked_key as string,
    present: secret as string,
  };
}
const events = async (count: number) => {
  await expect.poll(() => published.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
  return published.map((text) => keysChangedV1.parse(JSON.parse(text)));
};

describe('a report of a leak', () => {
  it('of a former secret ends that secret, and leaves the key', async () => {
    const { id, former, present, masked } = await rotatedKey();
    const [outcome] = await report(former);
    expect(outcome).toMatchObject({
      outcome: 'revoked',
      key: { apiKeyId: id, maskedKey: masked, formerSecret: { id, keyIsLive: true } },
    });
    expect(await stored(former)).toMatchObject({ state: 'revoked', reason: 'leaked', secretId: id });
    expect(await stored(present)).toMatchObject({ state: 'active', digests: [digestOf(present)] });
    expect(await state(id)).toMatchObject({
      state: 'active',
      secrets: [{ end_reason: 'leaked' }, { end_reason: null }],
    });
    const told = (await events(2)).filter(({ change }) => change === 'leaked');
    expect(told).toMatchObject([{ apiKeyId: id, state: 'active', digests: [digestOf(former)] }]);
    const [again] = await report(former);
    expect(again).toMatchObject({ outcome: 'already_revoked', key: { formerSecret: { id } } });
  });

  it('of the present secret ends the key, and what is said of the former one then is about the key', async () => {
    const { id, former, present } = await rotatedKey();
    const [outcome] = await report(present);
    expect(outcome).toMatchObject({ outcome: 'revoked', key: { apiKeyId: id } });
    expect(outcome!.key).not.toHaveProperty('formerSecret');
    for (const secret of [former, present])
      expect(await stored(secret)).toMatchObject({ state: 'revoked', reason: 'leaked' });
    const [later] = await report(former);
    expect(later).toMatchObject({ outcome: 'already_revoked' });
    expect(later!.key).not.toHaveProperty('formerSecret');
  });

  it('of both at once ends the key', async () => {
    const { id, former, present } = await rotatedKey();
    expect((await report(former, present)).map(({ outcome }) => outcome)).toEqual(['revoked', 'revoked']);
    expect(await state(id)).toMatchObject({ state: 'revoked' });
  });

  it.each<[string, (id: string) => Promise<unknown>, number]>([
    ['with its grace period', () => Promise.resolve(), 0],
    ['by finish-rotation', (id) => post(`/${id}/finish-rotation`), 3_600],
  ])('of a secret that had ended changes nothing but why, once: %s', async (_what, end, grace) => {
    const { id, former, present } = await rotatedKey(grace);
    await end(id);
    const before = await stored(present);
    const [outcome, again] = [await report(former), await report(former)].flat();
    expect(outcome).toMatchObject({ outcome: 'already_revoked', key: { formerSecret: { id, keyIsLive: true } } });
    expect(again).toEqual(outcome);
    // Its calls that are still under way are ended by the new reason.
    expect(await stored(former)).toMatchObject({ reason: 'leaked', secretId: id });
    expect(await stored(present)).toMatchObject({ state: 'active', digests: before!.digests });
    expect(await state(id)).toMatchObject({ state: 'active', secrets: [{ end_reason: 'leaked' }, {}] });
  });

  it('of a former secret of a revoked key says that the key does not live on', async () => {
    const { id, former } = await rotatedKey();
    await post(`/${id}/revoke`);
    const [outcome] = await report(former);
    expect(outcome).toMatchObject({ outcome: 'already_revoked', key: { formerSecret: { id, keyIsLive: false } } });
    expect(await stored(former)).toMatchObject({ state: 'revoked', reason: 'leaked' });
  });

  it('of several former secrets of a key is one change', async () => {
    const { id, former, present } = await rotatedKey(0);
    await post(`/${id}/rotate`);
    const outcomes = await report(former, present);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['already_revoked', 'revoked']);
    expect(await state(id)).toMatchObject({
      state: 'active',
      secrets: [{ end_reason: 'leaked' }, { end_reason: 'leaked' }, { end_reason: null }],
    });
  });
});

import { digestSecret, type KeySnapshot } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { RefillSnapshots } from './refill-snapshots.js';

/** A store that loses what it has, as Redis does in a restart. */
class LosingSnapshots extends MemoryKeySnapshots {
  kept = new Map<string, KeySnapshot>();
  lost = false;
  ended = 0;

  override refill(snapshot: KeySnapshot): Promise<void> {
    for (const digest of snapshot.digests) this.kept.set(digest, snapshot);
    return super.refill(snapshot);
  }

  override beginRefill(): Promise<boolean> {
    return Promise.resolve(this.lost);
  }

  override keepRefill(): Promise<boolean> {
    return Promise.resolve(this.lost);
  }

  override endRefill(): Promise<void> {
    this.ended += 1;
    this.lost = false;
    return Promise.resolve();
  }
}

let stage: KeyManagementStage;
const snapshots = new LosingSnapshots();
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
});
afterAll(() => stage?.stop());

const create = async (organizationId: string): Promise<{ id: string; secret: string }> => {
  const headers = { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organizationId };
  return (await stage.app.inject({ method: 'POST', url: '/v1/api-keys', headers, payload: { name: 'a key' } })).json();
};

it('a store that has lost its snapshots gets those of all keys that can be used, of every organisation', async () => {
  const headers = { authorization: `Bearer ${ADMIN}` };
  const other = (
    await stage.app.inject({ method: 'POST', url: '/v1/organizations', headers, payload: { name: 'another' } })
  ).json<{ id: string }>();
  const [one, two, dead] = [await create('default'), await create(other.id), await create('default')];
  await stage.app.inject({ method: 'POST', url: `/v1/api-keys/${dead.id}/revoke`, headers });
  const refill = stage.app.get(RefillSnapshots);
  expect(await refill.refill()).toBeNull();
  snapshots.lost = true;
  expect(await refill.refill()).toBe(2);
  expect([...snapshots.kept.keys()].sort()).toEqual(
    [one, two].map(({ secret }) => digestSecret(secret, PEPPER)).sort(),
  );
  expect([snapshots.ended, await refill.refill()]).toEqual([1, null]);
});

it('a refill that another process has taken over stops', async () => {
  snapshots.kept.clear();
  snapshots.lost = true;
  snapshots.keepRefill = () => Promise.resolve(false);
  await stage.app.get(RefillSnapshots).refill();
  expect(snapshots.ended).toBe(1);
  // Nor does it write what it has read: that may be older than what was told to the store that was lost.
  expect(snapshots.kept.size).toBe(0);
});

import { digestSecret, type KeySnapshot, type OrganizationSnapshot } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { RefillSnapshots } from './refill-snapshots.js';

/** A store that loses what it has, as Redis does in a restart. */
class LosingSnapshots extends MemoryKeySnapshots {
  kept = new Map<string, KeySnapshot>();
  organizations = new Map<string, OrganizationSnapshot>();
  lost = false;
  ended = 0;

  override refillOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    this.organizations.set(snapshot.organizationId, snapshot);
    return super.refillOrganization(snapshot);
  }

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
  stage = await startKeyManagement(
    {
      snapshots,
      bus: { publish: () => Promise.resolve() },
      usageBilling: { spendingByKey: () => Promise.resolve([]) },
      registry: createMetricsRegistry('test', { processMetrics: false }),
    },
    {},
    {
      config: {
        routes: [{ name: 'closed', access: 'groups', targets: [{ provider: 'p', model: 'm', weight: 1 }] }],
        prices: [],
        reachableProviders: null,
      },
    },
  );
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

it('each organisation comes back with all that a gateway is told of it, also without a key', async () => {
  const headers = { authorization: `Bearer ${ADMIN}` };
  const post = async (url: string, payload: object) =>
    (await stage.app.inject({ method: 'POST', url, headers, payload })).json<{ id: string }>();
  const { id } = await post('/v1/organizations', { name: 'with a group' });
  const told = new Map<string, OrganizationSnapshot>();
  snapshots.follow({
    changed: () => undefined,
    forget: () => undefined,
    gap: () => undefined,
    organizationChanged: (one) => void told.set(one.organizationId, one),
  });
  const inside = { ...headers, 'x-organization-id': id };
  const group = (
    await stage.app.inject({ method: 'POST', url: '/v1/groups', headers: inside, payload: { name: 'a group' } })
  ).json<{ id: string }>();
  await stage.app.inject({
    method: 'PATCH',
    url: `/v1/organizations/${id}`,
    headers,
    payload: { credit_limit_usd: '7' },
  });
  const opened = await stage.app.inject({
    method: 'PUT',
    url: `/v1/groups/${group.id}/routes/closed`,
    headers: inside,
  });
  expect([opened.statusCode, opened.json()]).toEqual([200, expect.anything()]);
  expect(told.get(id)).toMatchObject({ capNanoUsd: '7000000000', groupRoutes: { [group.id]: ['closed'] } });
  snapshots.organizations.clear();
  snapshots.lost = true;
  await stage.app.get(RefillSnapshots).refill();
  expect(snapshots.organizations.get(id)).toEqual(told.get(id));
});

it('a new key is told of behind its organisation, so that no gateway has to ask', async () => {
  const before = await stage.app.inject({
    method: 'POST',
    url: '/v1/organizations',
    headers: { authorization: `Bearer ${ADMIN}` },
    payload: { name: 'a third' },
  });
  const empty = new MemoryKeySnapshots();
  snapshots.write = (snapshot) => empty.write(snapshot);
  snapshots.refillOrganization = (snapshot) => empty.refillOrganization(snapshot);
  const { id } = before.json<{ id: string }>();
  const { secret } = await create(id);
  expect(await empty.read(digestSecret(secret, PEPPER))).toMatchObject({ kind: 'found' });
  expect(await empty.readOrganization(id)).toMatchObject({ kind: 'found', snapshot: { organizationId: id } });
});

it('a refill that another process has taken over stops', async () => {
  snapshots.kept.clear();
  snapshots.lost = true;
  snapshots.keepRefill = () => Promise.resolve(false);
  const { ended } = snapshots;
  await stage.app.get(RefillSnapshots).refill();
  expect(snapshots.ended).toBe(ended);
  // Nor does it write what it has read: that may be older than what was told to the store that was lost.
  expect(snapshots.kept.size).toBe(0);
});

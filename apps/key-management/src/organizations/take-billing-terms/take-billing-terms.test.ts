import { randomUUID } from 'node:crypto';
import { digestSecret, type OrganizationSnapshot } from '@tollgate/api-key';
import { ORGANIZATIONS_CHANGED_V1, type EndBudgetRequest, type OrganizationsChangedV1 } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { GROUP_ROUTES_BYTES_MAX } from '../../groups/group.js';
import { RefillSnapshots } from '../../keys/refill-snapshots/refill-snapshots.js';
import { OrganizationsChangedController } from './organizations-changed.controller.js';

/** A store that has lost what it had, as Redis does in a restart, when `lost` says so. */
class LosingSnapshots extends MemoryKeySnapshots {
  lost = false;
  /** Resolves once organisations can be written again. */
  writable: Promise<void> = Promise.resolve();
  readonly putBack = new Map<string, OrganizationSnapshot>();

  override beginRefill = () => Promise.resolve(this.lost);
  override keepRefill = () => Promise.resolve(this.lost);
  override async writeOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    await this.writable;
    await super.writeOrganization(snapshot);
  }
  override refillOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    if (this.lost) this.putBack.set(snapshot.organizationId, snapshot);
    return super.refillOrganization(snapshot);
  }
}

const snapshots = new LosingSnapshots();
/** The budgets that usage-billing was told to end. */
const ended: EndBudgetRequest[] = [];
let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: () => Promise.resolve([]),
      endBudget: async (request) => void ended.push(request),
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(method: 'POST' | 'PATCH' | 'DELETE', url: string, body?: object, organizationId?: string) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${ADMIN}`,
      'content-type': 'application/json',
      ...(organizationId !== undefined && { 'x-organization-id': organizationId }),
    },
    ...(body && { payload: JSON.stringify(body) }),
  });
  return reply.json();
}

describe('what usage-billing says of an organisation', () => {
  let id: string;
  let message: OrganizationsChangedV1;
  beforeEach(async () => {
    ({ id } = await call('POST', '/v1/organizations', { name: 'Acme' }));
    message = {
      eventVersion: 1,
      organizationId: id,
      version: 1,
      budgets: [],
      grants: [{ grantId: randomUUID(), amountNanoUsd: '5', expiresAtMs: null }],
      markupMillionths: 50_000,
    };
  });
  const told = (...messages: OrganizationsChangedV1[]) =>
    stage.app.get(OrganizationsChangedController).onOrganizationsChanged({
      topic: ORGANIZATIONS_CHANGED_V1,
      partition: 0,
      messages: messages.map((each, at) => ({
        offset: BigInt(at),
        part: 0,
        key: each.organizationId,
        value: JSON.stringify(each),
      })),
    });
  const snapshot = async (of: string = id) => {
    const read = await snapshots.readOrganization(of);
    return read.kind === 'found' ? read.snapshot : null;
  };
  const snapshotOf = async (version: number) => {
    await vi.waitFor(async () => expect((await snapshot())?.version).toBe(version), { timeout: 20_000 });
    return snapshot();
  };

  it('is in its snapshot, in a state that gateways of the release before refuse', async () => {
    await told(message);
    expect(await snapshotOf(2)).toEqual({
      organizationId: id,
      version: 2,
      state: 'billed',
      capNanoUsd: null,
      capGeneration: 0,
      grants: message.grants,
      markupMillionths: 50_000,
    });
  });

  it('is at most a record that fits, with the most of everything that it may have', async () => {
    const raise = { amountNanoUsd: '8999999999999999', untilMs: 9_999_999_999_999 };
    const budget = {
      kind: 'project',
      capNanoUsd: '8999999999999999',
      reset: 'monthly',
      generation: 999_999_999,
    } as const;
    const entry = (n: number) => ({
      provider: `p${n}`,
      model: `m${n}`,
      tool_calls_usd_per_thousand: { a: 'x'.repeat(200) },
    });
    const prices = { version: 'a'.repeat(12), entries: Array.from({ length: 100 }, (_, n) => entry(n)) };
    // As many bytes as usage-billing lets prices have.
    expect(Buffer.byteLength(JSON.stringify(prices.entries))).toBeGreaterThan(27_000);
    prices.entries[0]!.tool_calls_usd_per_thousand.a += 'x'.repeat(
      32_768 - Buffer.byteLength(JSON.stringify(prices.entries)),
    );
    await told({
      ...message,
      budgets: Array.from({ length: 200 }, () => ({ ...budget, ownerId: randomUUID(), raise })),
      grants: Array.from({ length: 100 }, () => ({
        grantId: randomUUID(),
        amountNanoUsd: '8999999999999999',
        expiresAtMs: 9_999_999_999_999,
      })),
      markupMillionths: 10_000_000,
      prices,
    });
    // With routes of groups, of which there may be 64 KiB more.
    const routes = JSON.stringify({ [randomUUID()]: ['r'.repeat(65_480)] });
    expect(Buffer.byteLength(routes)).toBeLessThanOrEqual(GROUP_ROUTES_BYTES_MAX);
    await stage.database.dataSource.query('UPDATE keys.organization SET group_routes = $2 WHERE id = $1', [id, routes]);
    await call('PATCH', `/v1/organizations/${id}`, { name: 'Acme, Berlin' });
    const whole = await snapshotOf(3);
    expect(whole).toMatchObject({ state: 'billed', prices: { version: prices.version } });
    expect(whole?.groupRoutes).toBeDefined();
    expect(Buffer.byteLength(JSON.stringify(whole))).toBeLessThan(192 * 1_024);
  });

  it('is answered by a call when gateways have heard it, also of one that came by the bus before', async () => {
    expect(await stage.api.takeOrganizationTerms(message)).toEqual({ everywhere: true });
    expect(await snapshot()).toMatchObject({ version: 2, markupMillionths: 50_000 });
    expect(await stage.api.takeOrganizationTerms(message)).toEqual({ everywhere: true });
    expect(await snapshot()).toMatchObject({ version: 2 });

    let goOn = (): void => undefined;
    snapshots.writable = new Promise((resolve) => (goOn = resolve));
    await told({ ...message, version: 2, markupMillionths: 7 });
    const taken = stage.api.takeOrganizationTerms({ ...message, version: 2, markupMillionths: 7 });
    const early = await Promise.race([taken, new Promise((resolve) => setImmediate(() => resolve('waits')))]);
    expect(early).toBe('waits');
    goOn();
    expect(await taken).toEqual({ everywhere: true });
    expect(await snapshot()).toMatchObject({ version: 3, markupMillionths: 7 });
  });

  it('is answered in two seconds where gateways cannot be told, and told later', async () => {
    let goOn = (): void => undefined;
    snapshots.writable = new Promise((resolve) => (goOn = resolve));
    expect(await stage.api.takeOrganizationTerms(message)).toEqual({ everywhere: false });
    goOn();
    expect(await snapshotOf(2)).toMatchObject({ markupMillionths: 50_000 });
  });

  it('of an organisation that is gone needs to be told to nobody', async () => {
    const gone = { ...message, organizationId: randomUUID() };
    expect(await stage.api.takeOrganizationTerms(gone)).toEqual({ everywhere: true });
  });

  it('changes nothing when it comes again, or after something newer', async () => {
    await told({ ...message, version: 5 });
    await told({ ...message, version: 5, grants: [] });
    await told({ ...message, version: 4, grants: null });
    await told({ ...message, version: 6, markupMillionths: 7 });
    expect(await snapshotOf(3)).toMatchObject({ grants: message.grants, markupMillionths: 7 });
  });

  it('stays while the organisation changes in other ways, and is taken back as a whole', async () => {
    await told(message);
    await call('PATCH', `/v1/organizations/${id}`, { name: 'Acme, Berlin', credit_limit_usd: '3' });
    expect(await snapshotOf(3)).toMatchObject({ state: 'billed', capNanoUsd: '3000000000', grants: message.grants });
    await told({ ...message, version: 2, grants: null, markupMillionths: 0 });
    const last = await snapshotOf(4);
    expect(last).toMatchObject({ state: 'extended' });
    expect(Object.keys(last ?? {})).not.toContain('grants');
  });

  it('is put back after the store has lost it, and is told to a gateway that asks for a key', async () => {
    await told(message);
    await snapshotOf(2);
    const { secret } = await call('POST', '/v1/api-keys', { name: 'k' }, id);
    const verified = await stage.api.verifyKey(digestSecret(secret, PEPPER));
    expect(verified.organization).toEqual(await snapshot());
    snapshots.lost = true;
    try {
      await stage.app.get(RefillSnapshots).refill();
    } finally {
      snapshots.lost = false;
    }
    expect(snapshots.putBack.get(id)).toEqual(verified.organization);
  });

  const budget = (kind: 'group' | 'project', ownerId: string) => ({
    kind,
    ownerId,
    capNanoUsd: '0',
    reset: 'never' as const,
    generation: 1,
    raise: null,
  });
  const made = async (what: 'groups' | 'projects', name: string) =>
    (await call('POST', `/v1/${what}`, { name }, id)).id as string;

  it('has the budgets of a group until that is deleted, and usage-billing is told to end them, and their names', async () => {
    const [group, kept] = [await made('groups', 'g'), await made('groups', 'kept')];
    await told({ ...message, budgets: [budget('group', group), budget('group', kept)] });
    expect((await snapshotOf(2))?.budgets).toMatchObject([{ ownerId: group }, { ownerId: kept }]);
    await call('DELETE', `/v1/groups/${group}`, undefined, id);
    expect(await snapshotOf(3)).toMatchObject({ budgets: [{ ownerId: kept }], grants: message.grants });
    const end = { organizationId: id, kind: 'group', ownerId: group, name: 'g' };
    await vi.waitFor(() => expect(ended).toContainEqual(end), { timeout: 20_000 });
    await call('DELETE', `/v1/groups/${kept}`, undefined, id);
    expect(await snapshotOf(4)).not.toHaveProperty('budgets');
  });

  it('has no budget of a group or a project that is gone when it comes, and usage-billing is told', async () => {
    const owners = [await made('groups', 'gone'), await made('projects', 'gone')] as const;
    await call('DELETE', `/v1/groups/${owners[0]}`, undefined, id);
    await call('DELETE', `/v1/projects/${owners[1]}`, undefined, id);
    const project = await made('projects', 'kept');
    const wanted = [
      { organizationId: id, kind: 'group', ownerId: owners[0] },
      { organizationId: id, kind: 'project', ownerId: owners[1] },
    ];
    const named = wanted.map((each) => ({ ...each, name: 'gone' }));
    await vi.waitFor(() => expect(ended).toEqual(expect.arrayContaining(named)), { timeout: 20_000 });
    ended.length = 0;
    const budgets = [budget('group', owners[0]), budget('project', owners[1]), budget('group', 'nonsense')];
    await told({ ...message, grants: null, budgets: [...budgets, budget('project', project)] });
    expect(await snapshotOf(2)).toMatchObject({ state: 'billed', budgets: [{ ownerId: project }] });
    await vi.waitFor(() => expect(ended).toEqual(expect.arrayContaining(wanted)), { timeout: 20_000 });
  });

  it('has no use for an organisation that is deleted or was never there', async () => {
    await call('DELETE', `/v1/organizations/${id}`);
    await told(message, { ...message, organizationId: randomUUID() });
    expect(await snapshot()).toMatchObject({ state: 'deleted' });
  });
});

describe('what an organisation has', () => {
  it('is told by the internal API with its names, and nothing of another', async () => {
    const { id } = await call('POST', '/v1/organizations', { name: 'Acme' });
    const group = await call('POST', '/v1/groups', { name: 'g' }, id);
    const gone = await call('POST', '/v1/groups', { name: 'gone' }, id);
    await call('DELETE', `/v1/groups/${gone.id}`, undefined, id);
    const project = await call('POST', '/v1/projects', { name: 'p' }, id);
    const key = await call('POST', '/v1/api-keys', { name: 'k', scopes: ['inference:write'] }, id);
    const until = new Date(Date.now() + 3_600_000);
    const limit = { credit_limit_usd: '5', credit_reset: 'daily', scopes: ['inference:write'] };
    const limited = await call('POST', '/v1/api-keys', { name: 'limited', ...limit }, id);
    const raise = { credit_limit_raise: { amount_usd: '0.000000001', until: until.toISOString() } };
    await call('PATCH', `/v1/api-keys/${limited.id}`, raise, id);
    await call('PATCH', `/v1/organizations/${id}`, { credit_limit_usd: 7 });
    const asked = {
      apiKeyIds: [key.id, project.id, 'nonsense'],
      groupIds: [group.id, gone.id, project.id, 'nonsense'],
      projectIds: [project.id, group.id],
      memberIds: [randomUUID()],
    };
    expect(await stage.api.knownOwners({ organizationId: id, ...asked })).toEqual({
      organization: true,
      organizationName: 'Acme',
      organizationLimit: { capNanoUsd: '7000000000', reset: 'never', raise: null },
      apiKeys: [{ id: key.id, name: 'k', status: 'active', limit: null }],
      groups: [{ id: group.id, name: 'g' }],
      projects: [{ id: project.id, name: 'p' }],
      members: [],
    });
    const { apiKeys } = await stage.api.knownOwners({ organizationId: id, apiKeyIds: [limited.id] });
    expect(apiKeys).toMatchObject([
      { limit: { capNanoUsd: '5000000000', reset: 'daily', raise: { amountNanoUsd: '1', untilMs: until.getTime() } } },
    ]);
    const nobody = { apiKeys: [], groups: [], projects: [], members: [] };
    expect(await stage.api.knownOwners({ organizationId: 'default', ...asked })).toEqual({
      organization: true,
      organizationName: 'Default organisation',
      organizationLimit: null,
      ...nobody,
    });
    expect(await stage.api.knownOwners({ organizationId: randomUUID(), ...asked })).toEqual({
      organization: false,
      organizationName: null,
      ...nobody,
    });
  });
});

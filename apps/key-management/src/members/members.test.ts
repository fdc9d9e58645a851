import { randomUUID } from 'node:crypto';
import type { Principal, Role } from '@tollgate/access';
import { NOBODY } from '@tollgate/auth';
import type { EndSubscriptionsRequest } from '@tollgate/contracts';
import { NO_PRECONDITION, Problem } from '@tollgate/http';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { ChangeRole } from './change-role/change-role.js';
import { RemoveMember } from './remove-member/remove-member.js';

let stage: KeyManagementStage;
const snapshots = new MemoryKeySnapshots();
const subscriptionsEnded: EndSubscriptionsRequest[] = [];
/** Whether usage-billing can be told. */
let isReached = true;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: () => Promise.resolve([]),
      endSubscriptions: async (request) => {
        if (!isReached) throw new Error('usage-billing is away');
        subscriptionsEnded.push(request);
      },
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, organization: string, body?: object) {
  const headers = {
    authorization: `Bearer ${ADMIN}`,
    'x-organization-id': organization,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const reply = await stage.app.inject({ method, url, headers, ...(body && { payload: JSON.stringify(body) }) });
  return { status: reply.statusCode, etag: reply.headers['etag'], body: reply.json() };
}
/** An organisation without any member. */
async function organization(): Promise<string> {
  const id = randomUUID();
  await stage.database.dataSource.query(`INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme')`, [id]);
  return id;
}
interface Joined {
  readonly id: string;
  readonly personId: string;
  readonly email: string;
  readonly as: Principal;
}
async function join(organizationId: string, role: Role, at = new Date().toISOString()): Promise<Joined> {
  const email = `${randomUUID()}@example.org`;
  const { dataSource } = stage.database;
  const [person] = await dataSource.query<{ id: string }[]>(
    `INSERT INTO keys.person (email, name) VALUES ($1, 'Ann') RETURNING id`,
    [email],
  );
  const [member] = await dataSource.query<{ id: string }[]>(
    'INSERT INTO keys.member (organization_id, person_id, email, role, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id',
    [organizationId, person!.id, email, role, at],
  );
  const personId = person!.id;
  return {
    id: member!.id,
    personId,
    email,
    as: { kind: 'person', personId, sessionId: randomUUID(), organizationId, role, provenAtMs: Date.now() },
  };
}
const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof Problem ? error.code : Promise.reject(error as Error)),
  );
const change = (organizationId: string, id: string, role: Role, principal: Principal) =>
  outcome(
    stage.app
      .get(ChangeRole)
      .execute(organizationId, id, role, NO_PRECONDITION, { principal, actor: { ...NOBODY, principal } }, new Date()),
  );
const remove = (organizationId: string, id: string, principal: Principal) =>
  outcome(
    stage.app
      .get(RemoveMember)
      .execute(organizationId, id, NO_PRECONDITION, { principal, actor: { ...NOBODY, principal } }, new Date()),
  );
const roles = async (organizationId: string): Promise<Record<string, Role>> => {
  const { data } = (await call('GET', '/v1/members?limit=100', organizationId)).body;
  return Object.fromEntries((data as { id: string; role: Role }[]).map(({ id, role }) => [id, role]));
};

describe('members', () => {
  it('are listed with name, address and role, page by page, and those of other organisations are not', async () => {
    const [here, there] = [await organization(), await organization()];
    const joined = [];
    for (const at of ['12:00:00.000001', '12:00:00.000001', '12:00:00.000002', '12:00:00.000002'])
      joined.push(await join(here, 'viewer', `2026-11-20T${at}Z`));
    const stranger = await join(there, 'owner');
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = (await call('GET', `/v1/members?limit=1${query}`, here)).body;
      seen.push(...page.data.map((each: { id: string }) => each.id));
      expect(seen.length).toBeLessThanOrEqual(joined.length);
      cursor = page.next_cursor;
    }
    expect(seen.toSorted()).toEqual(joined.map(({ id }) => id).toSorted());
    const { data } = (await call('GET', '/v1/members', there)).body;
    expect(data).toEqual([
      {
        object: 'member',
        id: stranger.id,
        person_id: stranger.personId,
        name: 'Ann',
        email: stranger.email,
        role: 'owner',
        joined_at: expect.stringMatching(/Z$/),
      },
    ]);
  });

  it('get another role by the admin secret, with a version and an audit entry', async () => {
    const here = await organization();
    const [, member] = [await join(here, 'owner'), await join(here, 'member')];
    expect(await call('PATCH', `/v1/members/${member.id}`, here, { role: 'admin' })).toMatchObject({
      status: 200,
      etag: '"2"',
      body: { id: member.id, role: 'admin', person_id: member.personId },
    });
    expect(await call('PATCH', `/v1/members/${member.id}`, here, { role: 'admin' })).toMatchObject({ etag: '"2"' });
    const rows = await stage.database.dataSource.query<{ entry: string }[]>(
      'SELECT entry FROM keys.audit_entry WHERE target_id = $1',
      [member.id],
    );
    expect(rows.map(({ entry }) => JSON.parse(entry))).toMatchObject([
      { action: 'member.updated', changes: { role: { from: 'member', to: 'admin' } } },
    ]);
  });

  it.each([
    [{}],
    [{ role: 'operator' }],
    [{ role: null }],
    [{ role: 'Owner' }],
    [{ role: 'admin', email: 'a@b.example' }],
  ])('do not change by %j', async (body) => {
    const here = await organization();
    const member = await join(here, 'member');
    expect((await call('PATCH', `/v1/members/${member.id}`, here, body)).status).toBe(400);
    expect(await roles(here)).toEqual({ [member.id]: 'member' });
  });

  it('of another organisation are not found', async () => {
    const [here, there] = [await organization(), await organization()];
    const [owner, stranger] = [await join(here, 'owner'), await join(there, 'member')];
    await join(there, 'owner');
    expect(await change(here, stranger.id, 'viewer', owner.as)).toBe('member_not_found');
    expect(await remove(here, stranger.id, owner.as)).toBe('member_not_found');
    for (const id of [stranger.id, randomUUID(), 'nobody']) {
      expect((await call('PATCH', `/v1/members/${id}`, here, { role: 'viewer' })).body.code).toBe('member_not_found');
      expect((await call('DELETE', `/v1/members/${id}`, here)).body.code).toBe('member_not_found');
    }
  });
});

describe('a role', () => {
  it.each<[Role, Role, Role, string]>([
    ['admin', 'owner', 'admin', 'role_above_own'],
    ['admin', 'member', 'owner', 'role_above_own'],
    ['admin', 'admin', 'owner', 'role_above_own'],
    ['admin', 'admin', 'viewer', 'done'],
    ['admin', 'viewer', 'admin', 'done'],
    ['member', 'viewer', 'viewer', 'role_above_own'],
    ['viewer', 'viewer', 'member', 'role_above_own'],
    ['owner', 'admin', 'owner', 'done'],
    ['owner', 'owner', 'viewer', 'done'],
  ])('of %s makes of %s a %s: %s', async (own, from, to, expected) => {
    const here = await organization();
    await join(here, 'owner');
    const [asker, member] = [await join(here, own), await join(here, from)];
    expect(await change(here, member.id, to, asker.as)).toBe(expected);
    expect((await roles(here))[member.id]).toBe(expected === 'done' ? to : from);
  });

  it('is that of now: who was demoted or removed since their request was let in gives none', async () => {
    const here = await organization();
    const [owner, asker, member] = [await join(here, 'owner'), await join(here, 'admin'), await join(here, 'viewer')];
    expect(await change(here, asker.id, 'viewer', owner.as)).toBe('done');
    expect(await change(here, member.id, 'admin', asker.as)).toBe('role_above_own');
    expect(await remove(here, asker.id, owner.as)).toBe('done');
    expect(await change(here, member.id, 'admin', asker.as)).toBe('role_above_own');
    expect(await remove(here, member.id, asker.as)).toBe('role_above_own');
  });

  it('of a key with the scope admin is admin, until the key has ended', async () => {
    const here = await organization();
    const [owner, member] = [await join(here, 'owner'), await join(here, 'viewer')];
    const key = (await call('POST', '/v1/api-keys', here, { name: 'k', scopes: ['admin'] })).body;
    const as: Principal = { kind: 'api_key', apiKeyId: key.id, organizationId: here, scopes: ['admin'] };
    expect(await change(here, owner.id, 'viewer', as)).toBe('last_owner');
    await join(here, 'owner');
    expect(await change(here, owner.id, 'viewer', as)).toBe('role_above_own');
    expect(await change(here, member.id, 'owner', as)).toBe('role_above_own');
    expect(await change(here, member.id, 'admin', as)).toBe('done');
    await call('POST', `/v1/api-keys/${key.id}/revoke`, here);
    expect(await change(here, member.id, 'viewer', as)).toBe('role_above_own');
  });
});

describe('the last owner', () => {
  it('cannot leave, be removed or be demoted, by whomever', async () => {
    const here = await organization();
    const owner = await join(here, 'owner');
    const operator: Principal = { kind: 'operator', organizationId: here };
    for (const principal of [owner.as, operator]) {
      expect(await remove(here, owner.id, principal)).toBe('last_owner');
      expect(await change(here, owner.id, 'admin', principal)).toBe('last_owner');
      expect(await change(here, owner.id, 'owner', principal)).toBe('done');
    }
    expect(await call('DELETE', `/v1/members/${owner.id}`, here)).toMatchObject({
      status: 409,
      body: { code: 'last_owner' },
    });
    expect(await roles(here)).toEqual({ [owner.id]: 'owner' });
  });

  it('may leave once there is another', async () => {
    const here = await organization();
    const [owner, member] = [await join(here, 'owner'), await join(here, 'member')];
    expect(await change(here, member.id, 'owner', owner.as)).toBe('done');
    expect(await remove(here, owner.id, owner.as)).toBe('done');
    expect(await roles(here)).toEqual({ [member.id]: 'owner' });
  });
});

describe('who is removed', () => {
  it('is no member, by themselves too, and comes back with the new role alone', async () => {
    const here = await organization();
    await join(here, 'owner');
    const viewer = await join(here, 'viewer');
    expect(await remove(here, viewer.id, viewer.as)).toBe('done');
    expect(await remove(here, viewer.id, viewer.as)).toBe('member_not_found');
    expect(Object.keys(await roles(here))).not.toContain(viewer.id);
  });

  it('by a viewer or member stays', async () => {
    const here = await organization();
    await join(here, 'owner');
    const [viewer, member, other] = [
      await join(here, 'viewer'),
      await join(here, 'member'),
      await join(here, 'viewer'),
    ];
    for (const asker of [viewer, member]) expect(await remove(here, other.id, asker.as)).toBe('role_above_own');
  });

  it('leaves behind the keys that can still act as an admin, and the reply names them', async () => {
    const here = await organization();
    await join(here, 'owner');
    const admin = await join(here, 'admin');
    const made = async (name: string, by: readonly [string, string] | null, more: object = {}) => {
      const key = (await call('POST', '/v1/api-keys', here, { name, scopes: ['admin'], ...more })).body;
      if (by !== null)
        await stage.database.dataSource.query(
          'UPDATE keys.api_key SET created_by_kind = $2, created_by_id = $3 WHERE id = $1',
          [key.id, ...by],
        );
      return key as { id: string; name: string; masked_key: string };
    };
    const first = await made('first', ['person', admin.personId]);
    const second = await made('made by the first', ['api_key', first.id]);
    const third = await made('made by the second', ['api_key', second.id]);
    const ended = await made('ended', ['person', admin.personId]);
    const byEnded = await made('made by the one that ended', ['api_key', ended.id]);
    await call('POST', `/v1/api-keys/${ended.id}/revoke`, here);
    await made('calls models', ['person', admin.personId], { scopes: ['inference:write'] });
    await made('of the operator', null);
    const reply = await call('DELETE', `/v1/members/${admin.id}`, here);
    expect(reply).toMatchObject({
      status: 200,
      body: { id: admin.id, deleted: true, admin_keys: { has_more: false } },
    });
    expect(reply.body.admin_keys.data).toEqual(
      [byEnded, third, second, first].map(({ id, name, masked_key }) => ({ object: 'api_key', id, name, masked_key })),
    );
  });

  describe('loses their subscriptions', () => {
    const keyFor = async (organizationId: string, memberId: string | null) => {
      const apiKeyId = randomUUID();
      const subscriptionId = randomUUID();
      const rateLimits = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
      await stage.api.createSubscriptionKey({
        apiKeyId,
        organizationId,
        name: 'pro',
        expiresAt: null,
        creditLimitNanoUsd: null,
        creditReset: 'never',
        models: null,
        rateLimits,
        memberId,
        terms: {
          subscriptionId,
          version: 1,
          anchorMs: 0,
          quotas: [{ fromMs: 0, quotaNanoUsd: '5' }],
          endsAtMs: null,
          payg: null,
          markupMillionths: null,
          models: null,
          rateLimits,
        },
      });
      return { apiKeyId, subscriptionId };
    };
    const state = async (apiKeyId: string) => {
      const [row] = await stage.database.dataSource.query<{ digest: string }[]>(
        `SELECT encode(digest, 'hex') AS digest FROM keys.api_key_secret WHERE api_key_id = $1`,
        [apiKeyId],
      );
      const found = await snapshots.read(row!.digest);
      return found.kind === 'found' ? found.snapshot.state : found.kind;
    };

    it('with the membership: their keys are dead when the reply is there, and no others', async () => {
      const here = await organization();
      const [, member, other] = [await join(here, 'owner'), await join(here, 'member'), await join(here, 'member')];
      const theirs = await keyFor(here, member.id);
      const stays = [await keyFor(here, other.id), await keyFor(here, null)];
      isReached = false;
      const reply = await call('DELETE', `/v1/members/${member.id}`, here);
      expect(reply).toMatchObject({
        status: 200,
        body: {
          deleted: true,
          ended_subscriptions: {
            has_more: false,
            data: [{ object: 'api_key', id: theirs.apiKeyId, name: 'pro', subscription_id: theirs.subscriptionId }],
          },
        },
      });
      expect(await state(theirs.apiKeyId)).toBe('revoked');
      for (const { apiKeyId } of stays) expect(await state(apiKeyId)).toBe('subscribed');
      // What usage-billing could not be told it is told later.
      expect(subscriptionsEnded).toEqual([]);
      isReached = true;
      await vi.waitFor(
        () =>
          expect(subscriptionsEnded).toContainEqual({
            organizationId: here,
            memberId: member.id,
            endedAt: expect.stringMatching(/Z$/) as string,
          }),
        30_000,
      );
      expect(subscriptionsEnded.filter(({ memberId }) => memberId !== member.id)).toEqual([]);
    });

    it('and gets no key for one that was being made', async () => {
      const here = await organization();
      const [, member] = [await join(here, 'owner'), await join(here, 'member')];
      await call('DELETE', `/v1/members/${member.id}`, here);
      expect(await outcome(keyFor(here, member.id))).toBe('invalid_request');
    });
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { queryDatabase, type CreatedKey, type DistributedShape } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { chanceOf, rounds } from '../stage.js';

const boundMs = 5_000;
/** Open to groups only, in the configuration of the journeys. */
const route = 'any-closed';
const followsChanges = /xread|xrevrange/i;

/** A key in a group that has the closed route. */
interface Grouped {
  readonly key: CreatedKey;
  readonly group: string;
}
let groups = 0;

async function grouped(shape: DistributedShape): Promise<Grouped> {
  const client = shape.client();
  const key = await client.createKey();
  const group = (await client.admin('POST', '/v1/groups', { name: `a group of the faults ${++groups}` })).json<{
    id: string;
  }>().id;
  expect((await client.admin('PUT', `/v1/groups/${group}/routes/${route}`)).status).toBe(200);
  expect((await client.admin('PUT', `/v1/groups/${group}/keys/${key.id}`)).status).toBe(200);
  await answersEverywhere(shape, key, 200);
  return { key, group };
}

/**
 * Milliseconds until the last call of the closed route began that a gateway did not answer with this status. How long a
 * busy machine takes for one says nothing about the route.
 */
async function answersEverywhere(shape: DistributedShape, { secret }: CreatedKey, status: number): Promise<number> {
  const begun = performance.now();
  let lastOther = begun;
  await Promise.all(
    shape.gateways.map((_, gateway) =>
      waitUntil(
        async () => {
          const beganAt = performance.now();
          if ((await shape.client(gateway).chat(secret, { model: route })).status === status) return true;
          lastOther = Math.max(lastOther, beganAt);
          return false;
        },
        { what: `gateway ${gateway} to answer ${status}`, timeoutMs: 6 * boundMs, intervalMs: 5 },
      ),
    ),
  );
  return lastOther - begun;
}

/** Each way in which a key loses a route through its groups: the request that does it, and where it is committed. */
const LOSSES: readonly {
  readonly what: string;
  readonly path: (of: Grouped) => string;
  readonly committed: (of: Grouped) => readonly [sql: string, parameters: readonly string[]];
}[] = [
  {
    what: 'the key leaves the group',
    path: ({ group, key }) => `/v1/groups/${group}/keys/${key.id}`,
    committed: ({ key }) => ['SELECT 1 FROM keys.api_key WHERE id = $1 AND version = 3', [key.id]],
  },
  {
    what: 'the group loses the route',
    path: ({ group }) => `/v1/groups/${group}/routes/${route}`,
    committed: ({ group }) => ['SELECT 1 FROM keys.key_group WHERE id = $1 AND version = 3', [group]],
  },
  {
    what: 'the group ends',
    path: ({ group }) => `/v1/groups/${group}`,
    committed: ({ group }) => ['SELECT 1 FROM keys.key_group WHERE id = $1 AND deleted_at IS NOT NULL', [group]],
  },
];

/** The faults that a revoke outlives, for changes of what groups open. */
export function groupChanges(stageOf: () => ServerStage): void {
  it('fault 13, of groups: with its stream of changes cut, a gateway closes a route within 5 s of each loss, and opens one', async () => {
    const { shape, redisOfGateway1 } = stageOf();
    const chance = chanceOf('fault 13, of groups');
    const lateness: number[] = [];
    for (const _ of rounds()) {
      const known = await Promise.all(LOSSES.map(() => grouped(shape)));
      redisOfGateway1.set((['cut', 'silent', 'replies_held'] as const)[chance.between(0, 2)]!, followsChanges);
      await delay(chance.between(0, 1_500));
      for (const [at, { path }] of LOSSES.entries()) {
        expect((await shape.client().admin('DELETE', path(known[at]!))).status).toBe(200);
        lateness.push(await answersEverywhere(shape, known[at]!.key, 403));
      }
      const joins = await shape.client().createKey();
      await answersEverywhere(shape, joins, 403);
      const { group } = await grouped(shape);
      expect((await shape.client().admin('PUT', `/v1/groups/${group}/keys/${joins.id}`)).status).toBe(200);
      lateness.push(await answersEverywhere(shape, joins, 200));
      redisOfGateway1.set('open');
      for (const { key } of known) await answersEverywhere(shape, key, 403);
    }
    expect(Math.max(...lateness), 'ms from the 200 of a change to its effect').toBeLessThan(boundMs);
    tellMeasured('fault 13, of groups', { 'in force at the latest after': `${Math.round(Math.max(...lateness))} ms` });
  });

  it('fault 14, of groups: key-management killed between the commit of a loss and its relay: another process relays it', async () => {
    const { shape, redisOfKeyManagement } = stageOf();
    const lateness: number[] = [];
    for (const _ of rounds())
      for (const { what, path, committed } of LOSSES) {
        const of = await grouped(shape);
        redisOfKeyManagement.set('cut');
        const answer = shape
          .client()
          .admin('DELETE', path(of))
          .then(
            ({ status }) => status,
            () => null,
          );
        await waitUntil(async () => (await queryDatabase(shape.databaseUrl, ...committed(of))).length === 1, {
          what: `to be committed: ${what}`,
          intervalMs: 2,
        });
        await shape.keyManagement.kill();
        const answered = await answer;
        expect(answered === 202 || answered === null || answered >= 500, `${what} was answered ${answered}`).toBe(true);
        redisOfKeyManagement.set('open');
        await shape.keyManagement.startAgain();
        lateness.push(await answersEverywhere(shape, of.key, 403));
      }
    expect(Math.max(...lateness), 'ms from the start of the other process to the refusal').toBeLessThan(boundMs);
    tellMeasured('fault 14, of groups', { 'refused after the start': `${Math.round(Math.max(...lateness))} ms` });
  });

  it('fault 21, of groups: without Postgres no change is answered 200, and what was known goes on', async () => {
    const { shape, postgres } = stageOf();
    const known = await Promise.all(LOSSES.map(() => grouped(shape)));
    await postgres.kill();
    for (const [at, { what, path }] of LOSSES.entries())
      expect((await shape.client().admin('DELETE', path(known[at]!))).status, what).toBeGreaterThanOrEqual(500);
    for (const { key } of known) await answersEverywhere(shape, key, 200);
    await postgres.restart();
    for (const [at, { path }] of LOSSES.entries()) {
      await waitUntil(async () => (await shape.client().admin('DELETE', path(known[at]!))).status === 200, {
        what: 'the change to be answered 200',
        timeoutMs: 60_000,
      });
      await answersEverywhere(shape, known[at]!.key, 403);
    }
  });

  it('Redis emptied, of groups: what groups open comes back from Postgres', async () => {
    const { shape } = stageOf();
    const { key, group } = await grouped(shape);
    await shape.redis.restart();
    await answersEverywhere(shape, key, 200);
    expect((await shape.client().admin('DELETE', `/v1/groups/${group}`)).status).toBeLessThan(300);
    await answersEverywhere(shape, key, 403);
  });
}

import { randomUUID } from 'node:crypto';
import type { ActiveSnapshot, KeySnapshot, OrganizationSnapshot, Tombstone } from '@tollgate/api-key';
import {
  MemoryKeySnapshots,
  RedisKeySnapshotReader,
  RedisKeySnapshotWriter,
  type KeySnapshotReader,
  type KeySnapshotWriter,
} from '@tollgate/key-snapshots';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

let server: RedisServer;
let connection: RedisConnection;
const open: KeySnapshotReader[] = [];
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'contract', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((reader) => reader.close()));
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

interface Sides {
  readonly writer: KeySnapshotWriter;
  readonly reader: KeySnapshotReader;
}
const shapes: { shape: string; make: () => Sides }[] = [
  {
    shape: 'in memory',
    make: () => {
      const both = new MemoryKeySnapshots();
      return { writer: both, reader: both };
    },
  },
  {
    shape: 'on Redis',
    make: () => {
      const reader = new RedisKeySnapshotReader(connection);
      open.push(reader);
      return { writer: new RedisKeySnapshotWriter(connection), reader };
    },
  },
];

const digestOf = (): string => randomUUID().replaceAll('-', '').repeat(2);
function active(version: number, digest = digestOf(), apiKeyId: string = randomUUID()): ActiveSnapshot {
  return {
    apiKeyId,
    organizationId: 'default',
    version,
    digests: [digest],
    state: 'active',
    name: 'a key',
    scopes: ['inference:write'],
    expiresAtMs: null,
    models: null,
    allowedIps: null,
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    accounts: [{ accountId: `key:${apiKeyId}`, capNanoUsd: '5' }],
  };
}
const tombstone = ({ apiKeyId, organizationId, version, digests }: KeySnapshot): Tombstone => ({
  apiKeyId,
  organizationId,
  version: version + 1,
  digests,
  state: 'revoked',
  reason: 'leaked',
});

const organization = (version: number, capNanoUsd: string | null, organizationId: string): OrganizationSnapshot => ({
  organizationId,
  version,
  state: 'active',
  capNanoUsd,
});

describe.each(shapes)('snapshots of organisations $shape', ({ make }) => {
  it('are read by their id, absent before, and never go back to an older version', async () => {
    const { writer, reader } = make();
    const id = randomUUID();
    expect(await reader.readOrganization(id)).toEqual({ kind: 'absent' });
    await writer.refillOrganization(organization(1, '5', id));
    expect(await reader.readOrganization(id)).toEqual({ kind: 'found', snapshot: organization(1, '5', id) });
    await writer.writeOrganization(organization(3, null, id));
    await writer.writeOrganization(organization(2, '7', id));
    await writer.refillOrganization(organization(1, '5', id));
    expect(await reader.readOrganization(id)).toEqual({ kind: 'found', snapshot: organization(3, null, id) });
    expect(await reader.readOrganization(randomUUID())).toEqual({ kind: 'absent' });
  });

  it('are heard by followers as they change, in one order with changes of keys, and a refill is not heard', async () => {
    const { writer, reader } = make();
    const heard: unknown[] = [];
    reader.follow({
      changed: (snapshot) => heard.push(snapshot),
      forget: () => undefined,
      organizationChanged: (snapshot) => heard.push(snapshot),
      gap: () => heard.push('gap'),
    });
    const beat = setInterval(() => void writer.heartbeat().catch(() => undefined), 50);
    await waitUntil(async () => reader.ageMs() < 1_000, { what: 'the follower to be up to date' });
    heard.length = 0;
    const [id, key] = [randomUUID(), active(1)];
    await writer.refillOrganization(organization(1, null, id));
    await writer.writeOrganization(organization(2, '5', id));
    await writer.write(key);
    await writer.writeOrganization(organization(1, '9', id));
    await writer.writeOrganization(organization(3, null, id));
    await waitUntil(async () => heard.length >= 3, { what: 'all changes to be heard' });
    clearInterval(beat);
    expect(heard).toEqual([organization(2, '5', id), key, organization(3, null, id)]);
  });
});

describe.each(shapes)('key snapshots $shape', ({ make }) => {
  it('are read under each of their digests, and absent under any other', async () => {
    const { writer, reader } = make();
    const snapshot = { ...active(1), digests: [digestOf(), digestOf()] };
    await writer.write(snapshot);
    for (const digest of snapshot.digests) expect(await reader.read(digest)).toEqual({ kind: 'found', snapshot });
    expect(await reader.read(digestOf())).toEqual({ kind: 'absent' });
  });

  it('never go back to an older version, whatever the order of the writes', async () => {
    const { writer, reader } = make();
    const first = active(1);
    const dead = tombstone(first);
    await writer.write(dead);
    await writer.write(first);
    await writer.refill(first);
    expect(await reader.read(first.digests[0]!)).toEqual({ kind: 'found', snapshot: dead });
  });

  it('are heard by followers as they change, in order, and repeats do no harm', async () => {
    const { writer, reader } = make();
    const heard: KeySnapshot[] = [];
    reader.follow({ changed: (snapshot) => heard.push(snapshot), forget: () => undefined, gap: () => undefined });
    const beat = setInterval(() => void writer.heartbeat().catch(() => undefined), 50);
    await waitUntil(async () => reader.ageMs() < 1_000, { what: 'the follower to be up to date' });
    const first = active(1);
    const dead = tombstone(first);
    await writer.write(first);
    await writer.write(dead);
    await writer.write(dead);
    await waitUntil(async () => heard.at(-1)?.state === 'revoked', {
      what: 'the tombstone to be heard',
    });
    clearInterval(beat);
    const own = heard.filter(({ apiKeyId }) => apiKeyId === first.apiKeyId).map(({ version }) => version);
    expect(own.slice(0, 2)).toEqual([1, 2]);
  });

  it('put back by a refill are read, and nobody is told', async () => {
    const { writer, reader } = make();
    const snapshot = active(3);
    await writer.refill(snapshot);
    expect(await reader.read(snapshot.digests[0]!)).toEqual({ kind: 'found', snapshot });
  });
});

describe.each(shapes)('imported keys $shape', ({ make }) => {
  it('may exist until a heartbeat says that there are none', async () => {
    const { writer, reader } = make();
    reader.follow({ changed: () => undefined, forget: () => undefined, gap: () => undefined });
    expect(reader.mayHaveImportedKeys()).toBe(true);
    const told = async (importedKeys: boolean, heard: boolean): Promise<void> => {
      await waitUntil(
        async () => {
          await writer.heartbeat({ importedKeys });
          return reader.mayHaveImportedKeys() === heard;
        },
        { what: `to hear ${heard}` },
      );
    };
    await told(false, false);
    await told(true, true);
    await writer.heartbeat();
    expect(reader.mayHaveImportedKeys()).toBe(true);
  });
});

describe('key snapshots on Redis', () => {
  it('are put back by one process at a time, once for each run of Redis', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'refill', commandTimeoutMs: 10_000 });
    await storeKnown(redis, 30_000);
    const [one, other] = [new RedisKeySnapshotWriter(redis), new RedisKeySnapshotWriter(redis)];
    expect([await one.beginRefill(), await other.beginRefill()]).toEqual([true, false]);
    expect([await one.keepRefill(), await other.keepRefill()]).toEqual([true, false]);
    await other.endRefill().catch(() => undefined);
    expect(await other.beginRefill()).toBe(true);
    await other.endRefill();
    expect([await one.beginRefill(), await other.beginRefill()]).toEqual([false, false]);
    const before = redis.storeId();
    await own.restart();
    await waitUntil(async () => ![null, before].includes(redis.storeId()), { what: 'the new run' });
    expect(await one.beginRefill()).toBe(true);
    await redis.client.set('tollgate:{key-changes}:refilled', 'another run');
    await one.endRefill();
    expect(await other.beginRefill()).toBe(false);
    await redis.close();
    await own.stop();
  });

  it('say that there are imported keys while one of several writers knows of some', async () => {
    const [knowing, other] = [new RedisKeySnapshotWriter(connection), new RedisKeySnapshotWriter(connection)];
    await knowing.heartbeat({ importedKeys: true });
    await other.heartbeat({ importedKeys: false });
    const [[, fields]] = (await connection.client.xrevrange('tollgate:{key-changes}:stream', '+', '-', 'COUNT', 1)) as [
      [string, string[]],
    ];
    expect(fields[fields.indexOf('i') + 1]).toBe('1');
    await connection.client.del('tollgate:{key-changes}:imported');
  });

  it('count only under the run of Redis they were written in', async () => {
    const writer = new RedisKeySnapshotWriter(connection);
    const snapshot = active(1);
    await writer.write(snapshot);
    await connection.client.hset(`tollgate:key:${snapshot.digests[0]!}`, 's', 'another-run');
    expect(await new RedisKeySnapshotReader(connection).read(snapshot.digests[0]!)).toEqual({ kind: 'absent' });
    const revived = { ...snapshot, version: 1 };
    await writer.write(revived);
    expect(await new RedisKeySnapshotReader(connection).read(snapshot.digests[0]!)).toMatchObject({ kind: 'found' });
  });

  it('that cannot be read are malformed, not absent', async () => {
    const writer = new RedisKeySnapshotWriter(connection);
    const snapshot = active(1);
    await writer.write(snapshot);
    await connection.client.hset(`tollgate:key:${snapshot.digests[0]!}`, 'j', '{"state":"active"}');
    expect(await new RedisKeySnapshotReader(connection).read(snapshot.digests[0]!)).toEqual({ kind: 'malformed' });
  });

  it('of a later release are read without unknown fields, and an unknown state is malformed', async () => {
    const writer = new RedisKeySnapshotWriter(connection);
    const reader = new RedisKeySnapshotReader(connection);
    const snapshot = active(1);
    await writer.write({ ...snapshot, addedLater: { x: 1 } } as KeySnapshot);
    expect(await reader.read(snapshot.digests[0]!)).toEqual({ kind: 'found', snapshot });
    await writer.write({ ...snapshot, version: 2, state: 'paused' } as unknown as KeySnapshot);
    expect(await reader.read(snapshot.digests[0]!)).toEqual({ kind: 'malformed' });
  });

  it('of organisations count only under the run of Redis they were written in, and cannot be of an unknown state', async () => {
    const [writer, reader] = [new RedisKeySnapshotWriter(connection), new RedisKeySnapshotReader(connection)];
    const id = randomUUID();
    await writer.writeOrganization({ ...organization(1, '5', id), state: 'frozen' } as never);
    expect(await reader.readOrganization(id)).toEqual({ kind: 'malformed' });
    await writer.writeOrganization(organization(2, '5', id));
    await connection.client.hset(`tollgate:organization:v1:${id}`, 's', 'another-run');
    expect(await reader.readOrganization(id)).toEqual({ kind: 'absent' });
  });

  it('of an organisation that were missed, or do not say whose they are, are a gap; an unknown state costs one', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'missed', commandTimeoutMs: 10_000 });
    await storeKnown(redis, 30_000);
    const writer = new RedisKeySnapshotWriter(redis);
    const reader = new RedisKeySnapshotReader(redis);
    open.push(reader);
    const heard: string[] = [];
    reader.follow({
      changed: () => heard.push('a key'),
      forget: () => heard.push('forget'),
      organizationChanged: ({ organizationId, version }) => heard.push(`${organizationId} ${version}`),
      forgetOrganization: (organizationId) => heard.push(`forget ${organizationId}`),
      gap: () => heard.push('gap'),
    });
    await writer.writeOrganization(organization(1, null, 'o'));
    const beat = setInterval(() => void writer.heartbeat().catch(() => undefined), 50);
    await waitUntil(async () => reader.ageMs() < 1_000, { what: 'the first heartbeat' });
    heard.length = 0;
    const expectHeard = async (...expected: string[]): Promise<void> => {
      await waitUntil(async () => heard.length >= expected.length, { what: expected.join() });
      expect(heard.splice(0)).toEqual(expected);
    };
    await writer.writeOrganization(organization(2, '1', 'o'));
    await expectHeard('o 2');
    await writer.writeOrganization({ ...organization(3, '1', 'o'), state: 'frozen' } as never);
    await expectHeard('forget o');
    await writer.writeOrganization({ organizationId: '', version: 4 } as never);
    await expectHeard('gap');
    await redis.client.incr('tollgate:{key-changes}:organizations-sequence');
    await expectHeard('gap');
    await writer.writeOrganization(organization(5, null, 'o'));
    await expectHeard('o 5');
    clearInterval(beat);
    await redis.close();
    await own.stop();
  });

  it('that change to an unknown kind are forgotten alone; what does not say whose it is, is a gap', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'later', commandTimeoutMs: 10_000 });
    await storeKnown(redis, 30_000);
    const writer = new RedisKeySnapshotWriter(redis);
    const reader = new RedisKeySnapshotReader(redis);
    open.push(reader);
    const heard: string[] = [];
    reader.follow({
      changed: ({ apiKeyId }) => heard.push(`changed ${apiKeyId}`),
      forget: (digests) => heard.push(`forget ${digests.join()}`),
      gap: () => heard.push('gap'),
    });
    const beat = setInterval(() => void writer.heartbeat().catch(() => undefined), 50);
    await waitUntil(async () => reader.ageMs() < 1_000, { what: 'the first heartbeat' });
    heard.length = 0;
    const [known, paused, nameless, last] = [active(1), active(1), active(1), active(1)];
    await writer.write(known);
    await writer.write({ ...paused, state: 'paused' } as unknown as KeySnapshot);
    // The number is taken and written in one step, as a writer does; a heartbeat in between would cause a gap.
    const write = (...fields: string[]) =>
      redis.client.eval(
        `for i, field in ipairs(ARGV) do if field == 'next' then ARGV[i] = redis.call('incr', KEYS[2]) end end
         return redis.call('xadd', KEYS[1], '*', unpack(ARGV))`,
        2,
        'tollgate:{key-changes}:stream',
        'tollgate:{key-changes}:sequence',
        ...fields,
      );
    await write('later', 'x', 'j', JSON.stringify(known), 'q', 'next');
    await write('q', 'next', 'j', JSON.stringify({ ...nameless, digests: undefined }));
    await writer.write(last);
    await waitUntil(async () => heard.at(-1) === `changed ${last.apiKeyId}`, {
      what: 'the last change',
    });
    clearInterval(beat);
    expect(heard).toEqual([
      `changed ${known.apiKeyId}`,
      `forget ${paused.digests.join()}`,
      `changed ${known.apiKeyId}`,
      'gap',
      `changed ${last.apiKeyId}`,
    ]);
    await redis.close();
    await own.stop();
  });

  it('age without a heartbeat, and a lost entry or a restart of Redis is heard as a gap', async () => {
    const own = await startRedis();
    const redis = connectRedis({ url: own.url, name: 'gap', commandTimeoutMs: 10_000 });
    await storeKnown(redis, 30_000);
    const writer = new RedisKeySnapshotWriter(redis);
    const reader = new RedisKeySnapshotReader(redis);
    open.push(reader);
    let gaps = 0;
    let changes = 0;
    reader.follow({ changed: () => void changes++, forget: () => undefined, gap: () => void gaps++ });
    expect(reader.ageMs()).toBe(Infinity);
    const beat = setInterval(() => void writer.heartbeat().catch(() => undefined), 50);
    await waitUntil(async () => reader.ageMs() < 1_000, { what: 'the first heartbeat' });
    const before = gaps;
    await redis.client.incr('tollgate:{key-changes}:sequence');
    await waitUntil(async () => gaps > before, { what: 'the lost entry to be noticed' });
    const beforeRestart = gaps;
    await own.restart();
    await waitUntil(async () => gaps > beforeRestart, { what: 'the restart to be noticed' });
    await waitUntil(async () => reader.ageMs() < 1_000, {
      what: 'the follower to be up to date again',
    });
    await writer.write(active(1));
    await waitUntil(async () => changes > 0, { what: 'a change after the restart' });
    clearInterval(beat);
    await redis.close();
    await own.stop();
  });
});

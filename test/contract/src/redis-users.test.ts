import { randomUUID } from 'node:crypto';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import type { ReserveItem } from '@tollgate/credit';
import { asRedisUser, startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { RedisKeySnapshotReader, RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { connectRedis, storeKnown, type RedisConnection, type RedisService, type RedisTrouble } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SERVICES = ['gateway', 'key-management', 'usage-billing'] as const;
const HASH = 'tollgate:{o}:admission:2';
const STREAM = 'tollgate:{key-changes}:stream';
const WRITES = "return redis.call('HSET', KEYS[1], 'posted', '0')";

let server: RedisServer;
let admin: Redis;
const connections = new Map<RedisService, RedisConnection>();
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  for (const service of SERVICES) {
    const connection = connectRedis({ url: asRedisUser(server.url, service), name: service, commandTimeoutMs: 10_000 });
    connections.set(service, connection);
    await storeKnown(connection, 30_000);
  }
});
afterAll(async () => {
  for (const connection of connections.values()) await connection.close();
  admin?.disconnect();
  await server?.stop();
});

const as = (service: RedisService): RedisConnection => connections.get(service)!;

/** Everything that a user of Redis could do to others, and no service needs. */
const FORBIDDEN_TO_ALL: readonly (readonly [string, ...string[]])[] = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['KEYS', '*'],
  ['RANDOMKEY'],
  ['CONFIG', 'GET', '*'],
  ['CONFIG', 'SET', 'maxmemory', '1'],
  ['ACL', 'LIST'],
  ['ACL', 'SETUSER', 'gateway', '+@all'],
  ['CLIENT', 'LIST'],
  ['CLIENT', 'KILL', 'TYPE', 'normal'],
  ['CLIENT', 'PAUSE', '1'],
  ['SCRIPT', 'FLUSH'],
  ['FUNCTION', 'LOAD', '#!lua name=mine\nredis.register_function("f", function() return 1 end)'],
  ['SHUTDOWN', 'NOSAVE'],
  ['REPLICAOF', '127.0.0.1', '1'],
  ['MONITOR'],
  ['SLOWLOG', 'GET'],
  ['SAVE'],
  ['MIGRATE', '127.0.0.1', '1', 'k', '0', '1'],
  ['RESTORE', 'tollgate:key:a', '0', 'x'],
  ['DUMP', 'tollgate:key:a'],
  ['RENAME', 'tollgate:key:a', 'tollgate:key:b'],
  ['COPY', HASH, 'tollgate:{p}:admission:2'],
  ['PUBLISH', 'channel', 'x'],
  ['SUBSCRIBE', 'channel'],
  ['GET', 'of-somebody-else'],
  ['SET', 'of-somebody-else', 'x'],
  ['DEL', HASH],
  ['UNLINK', STREAM],
  ['EVAL', "return redis.call('FLUSHALL')", '1', HASH],
  ['EVAL', "return redis.call('GET', 'of-somebody-else')", '0'],
  ['EVAL', "return redis.call('PUBLISH', 'channel', 'x')", '0'],
];

/** What one service may do and another may not. */
const FORBIDDEN: Readonly<Record<RedisService, readonly (readonly [string, ...string[]])[]>> = {
  gateway: [
    ['HSET', 'tollgate:key:a', 'v', '1'],
    ['HDEL', 'tollgate:key:a', 'v'],
    ['DEL', 'tollgate:key:a'],
    ['EVAL', WRITES, '1', 'tollgate:key:a'],
    ['EVAL', "return redis.call('HSET', 'tollgate:key:a', 'v', '9')", '1', HASH],
    ['EVAL', WRITES, '1', 'tollgate:organization:v1:o'],
    ['XADD', STREAM, '*', 'q', '9'],
    ['XTRIM', STREAM, 'MAXLEN', '0'],
    ['XDEL', STREAM, '1-1'],
    ['SET', 'tollgate:{key-changes}:refilled', 'x'],
    ['HGETALL', HASH],
    ['SCAN', '0'],
    ['HDEL', 'tollgate:gateways', 'of another'],
    ['HGETALL', 'tollgate:gateways'],
    ['SADD', 'tollgate:waiting:another', 'o'],
    ['HGETALL', 'tollgate:{o}:shipped:l'],
  ],
  'key-management': [
    ['HMGET', HASH, 'e'],
    ['HSET', HASH, 'e', 'x'],
    ['EVAL', WRITES, '1', HASH],
    ['EVAL', "return redis.call('HSET', 'tollgate:{o}:admission:2', 'e', 'x')", '1', 'tollgate:key:a'],
    ['HGETALL', 'tollgate:key:a'],
    ['DEL', 'tollgate:key:a'],
    ['HSET', 'tollgate:gateways', 'i', '1'],
    ['HGETALL', 'tollgate:gateways'],
    ['SADD', 'tollgate:waiting:i', 'o'],
    ['HSET', 'tollgate:refusing', 'o', 'x'],
    ['HSET', 'tollgate:{o}:shipped:l', 'j', '1'],
    ['SCAN', '0'],
  ],
  'usage-billing': [
    ['HMGET', 'tollgate:key:a', 'v', 'j'],
    ['HSET', 'tollgate:key:a', 'v', '1'],
    ['DEL', 'tollgate:key:a'],
    ['EVAL', WRITES, '1', 'tollgate:key:a'],
    ['EVAL', "return redis.call('HGET', 'tollgate:key:a', 'j')", '1', HASH],
    ['HMGET', 'tollgate:organization:v1:o', 'j'],
    ['XREAD', 'STREAMS', STREAM, '0'],
    ['XADD', STREAM, '*', 'q', '9'],
    ['HSET', 'tollgate:gateways', 'i', '1'],
    ['HSET', 'tollgate:{o}:shipped:l', 'j', '1'],
    ['HSET', 'tollgate:refusing', 'o', 'x'],
  ],
};

const everyCase = SERVICES.flatMap((service) =>
  [...FORBIDDEN_TO_ALL, ...FORBIDDEN[service]].map((command) => ({ service, command, shown: command.join(' ') })),
);

describe('a user of Redis', () => {
  it.each(everyCase)('$service is refused: $shown', async ({ service, command: [name, ...args] }) => {
    const before = await admin.dbsize();
    await expect(as(service).client.call(name, ...args)).rejects.toThrow(
      /^NOPERM|^ERR The user executing the script can't/,
    );
    expect(await admin.dbsize()).toBe(before);
  });

  it('logs in with its own password alone', async () => {
    for (const [service, password] of [
      ['gateway', 'password-of-usage-billing'],
      ['usage-billing', ''],
      ['nobody', 'password-of-gateway'],
    ] as const) {
      const told: RedisTrouble[] = [];
      const url = new URL(server.url);
      [url.username, url.password] = [service, password];
      const refused = connectRedis({ url: url.href, name: 'refused', onTrouble: (trouble) => told.push(trouble) });
      await waitUntil(() => told.length > 0, { what: 'the refusal of the login' });
      expect(refused.storeId()).toBeNull();
      expect(told[0]!.message).toMatch(
        new RegExp(
          `^Redis refuses the login of the user ${service}: it is not there, is off, or has another password$`,
        ),
      );
      await refused.close();
    }
  });
});

describe('the services together, each as itself', () => {
  it('write and follow snapshots, open epochs, reserve, settle, announce and tell of refusals', async () => {
    const refused = async (): Promise<number> => {
      const errors = await admin.info('errorstats');
      return Number(/errorstat_NOPERM:count=(\d+)/.exec(errors)?.[1] ?? 0);
    };
    const before = await refused();
    const writer = new RedisKeySnapshotWriter(as('key-management'));
    const reader = new RedisKeySnapshotReader(as('gateway'));
    const gateway = new RedisAdmission(as('gateway'));
    const books = new RedisAdmissionBooks(as('usage-billing'));
    const [organizationId, digest] = [randomUUID(), 'ab'.repeat(32)];
    const heard: string[] = [];
    reader.follow({
      changed: ({ apiKeyId }) => heard.push(apiKeyId),
      forget: () => undefined,
      gap: () => heard.push('gap'),
    });
    await waitUntil(() => heard.includes('gap'), { what: 'the stream to be followed' });
    const dead = { apiKeyId: 'k', organizationId, version: 2, digests: [digest], state: 'revoked', reason: 'leaked' };
    await writer.write(dead as never);
    await writer.refill({ ...dead, digests: ['cd'.repeat(32)] } as never);
    expect(await writer.beginRefill()).toBe(true);
    expect(await writer.keepRefill()).toBe(true);
    await writer.endRefill();
    await writer.heartbeat({ importedKeys: true });
    expect(await writer.storeUsed()).toBeNull();
    await waitUntil(() => heard.includes('k') && reader.ageMs() < 3_000, { what: 'the change to be heard' });
    expect(await reader.read(digest)).toMatchObject({ kind: 'found' });
    expect(await reader.readOrganization(organizationId)).toEqual({ kind: 'absent' });

    expect(await gateway.renewLease('i')).toEqual([]);
    const waitingFor = [{ journalId: 'j', instanceId: 'i' }];
    const epoch = { organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor };
    expect(await books.openEpoch(epoch)).toBe(true);
    expect(await gateway.renewLease('i')).toEqual([organizationId]);
    expect(await gateway.bookedNumber(organizationId, 'j')).toBe(0);
    await gateway.announce({ organizationId, journalId: 'j', holds: [], finals: [] });
    expect(await gateway.renewLease('i')).toEqual([]);
    const item: ReserveItem = {
      requestId: randomUUID(),
      organizationId,
      apiKeyId: 'k',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 10n,
      accounts: [{ accountId: 'a', capNanoUsd: 15n }],
      rateLimits: { requestsPerMinute: 9, tokensPerMinute: 900, parallelRequests: 9 },
      tokens: 10,
    };
    expect(await gateway.reserve(item)).toMatchObject({ kind: 'admitted' });
    const spent = await gateway.reserve({ ...item, requestId: randomUUID() });
    if (spent.kind !== 'credit_exhausted') throw new Error(`expected no credit, got ${spent.kind}`);
    gateway.refused(item, spent);
    gateway.settle({ requestId: item.requestId, organizationId, chargeNanoUsd: 7n, tokens: 5 });
    await gateway.drain();
    await gateway.confirmShipped(organizationId, 'l', 3, 'j');
    expect(await books.shippedJournals(organizationId, 'l', 3)).toEqual(new Set(['j']));
    const [told] = await books.untoldRefusals();
    expect(told).toMatchObject({ organizationId });
    await books.forgetTold(told!);
    expect(await books.untoldRefusals()).toEqual([]);
    expect(await books.loadAccounts(organizationId, [{ accountId: 'a', unheldNanoUsd: 1n, generation: 1 }])).toBe(true);
    await books.settleBooked(organizationId, [
      {
        organizationId,
        requestId: item.requestId,
        chargeNanoUsd: 7n,
        tokens: 5,
        journalId: 'j',
        journalNumber: 1,
        accountIds: ['a'],
      },
    ]);
    await books.stopWaiting(organizationId, 'j');
    expect(await books.balances(organizationId, ['a'])).toEqual(
      new Map([['a', { postedNanoUsd: 8n, heldNanoUsd: 0n }]]),
    );
    expect(await books.organizations()).toEqual([organizationId]);
    expect(await books.openHolds(organizationId)).toEqual([]);
    expect(await books.dropEndedCycles(organizationId)).toBe(0);
    expect([...(await books.leases()).keys()]).toEqual(['i']);
    await books.closeEpoch(organizationId);
    expect(await books.hasEpoch(organizationId)).toBe(false);
    await reader.close();
    expect(await refused()).toBe(before);
  });
});

describe('a right that a user lacks', () => {
  it('is told with the user, the command and the keys, also where the caller says nothing', async () => {
    const told: RedisTrouble[] = [];
    const connection = connectRedis({
      url: asRedisUser(server.url, 'key-management'),
      name: 'lacks',
      onTrouble: (trouble) => told.push(trouble),
    });
    await storeKnown(connection, 30_000);
    const gateway = new RedisAdmission(connection);
    await gateway.renewLease('i').catch(() => undefined);
    await connection.close();
    expect(told).toEqual([
      {
        code: 'NOPERM',
        message:
          'the Redis user key-management may not run a script, or what it does, on the keys tollgate:gateways; ' +
          'give Redis the users of this release (docs/UPGRADE.md)',
      },
    ]);
  });

  it('is told if it is INFO, by which the run of the server is known, and does not make it reconnect without end', async () => {
    await admin.call('ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', '+@all', '-info');
    const url = new URL(server.url);
    [url.username, url.password] = ['deaf', 'secret'];
    const told: RedisTrouble[] = [];
    let connects = 0;
    const connection = connectRedis({ url: url.href, name: 'deaf', onTrouble: (trouble) => told.push(trouble) });
    connection.client.on('connect', () => {
      connects += 1;
    });
    await expect(storeKnown(connection, 1_300)).rejects.toThrow(
      'Redis did not answer within 1300 ms: the Redis user deaf may not run INFO; give Redis the users of this release',
    );
    expect(told).toHaveLength(1);
    expect(connects).toBeLessThanOrEqual(4);
    // Once the right is there, nothing has to be started again.
    await admin.call('ACL', 'SETUSER', 'deaf', '+info');
    await storeKnown(connection, 30_000);
    await connection.close();
  });
});

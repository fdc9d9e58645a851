import { randomUUID } from 'node:crypto';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import { asRedisUser, startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { connectRedis, storeKnown, type RedisTrouble } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let primary: RedisServer;
let other: RedisServer;
beforeAll(async () => {
  [primary, other] = await Promise.all([startRedis(), startRedis()]);
});
afterAll(() => Promise.all([primary?.stop(), other?.stop()]));

describe('a Redis that a failover has made a replica', () => {
  it('is left at the first write that it refuses, and asked again by its name until it takes writes', async () => {
    const admin = new Redis(primary.url);
    const told: RedisTrouble[] = [];
    const redis = connectRedis({
      url: asRedisUser(primary.url, 'gateway'),
      name: 'failover',
      onTrouble: (trouble) => told.push(trouble),
    });
    await storeKnown(redis, 30_000);
    let connects = 0;
    redis.client.on('connect', () => {
      connects += 1;
    });
    const gateway = new RedisAdmission(redis);
    await gateway.renewLease('i');
    await admin.replicaof('127.0.0.1', Number(new URL(other.url).port));
    // The connection is as it was, and reads are answered still.
    expect(redis.storeId()).not.toBeNull();
    await expect(gateway.renewLease('i')).rejects.toThrow();
    await waitUntil(() => redis.storeId() === null && told.length > 0, { what: 'the replica to be left' });
    expect(told[0]).toEqual({
      code: 'READONLY',
      message: 'the Redis that answers is a replica, which takes no writes; connecting by its name again',
    });
    const organizationId = randomUUID();
    const item = {
      requestId: randomUUID(),
      organizationId,
      apiKeyId: 'k',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 10n,
      accounts: [{ accountId: 'a', capNanoUsd: 100n }],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      tokens: 10,
    };
    // Nothing is trusted of it meanwhile.
    expect(await gateway.reserve(item)).toEqual({ kind: 'unavailable', why: 'store_unreachable' });
    await waitUntil(() => connects >= 2, { what: 'it to be asked by its name again' });
    expect(redis.storeId()).toBeNull();

    await admin.replicaof('NO', 'ONE');
    await storeKnown(redis, 30_000);
    await gateway.renewLease('i');
    const books = new RedisAdmissionBooks(redis);
    expect(await books.hasEpoch(organizationId)).toBe(false);
    // Twice a second at most.
    expect(connects).toBeLessThan(40);
    admin.disconnect();
    await redis.close();
  });

  it('is left as well where a script or a snapshot is refused', async () => {
    const admin = new Redis(primary.url);
    const redis = connectRedis({
      url: asRedisUser(primary.url, 'key-management'),
      name: 'writer',
      commandTimeoutMs: 10_000,
    });
    await storeKnown(redis, 30_000);
    const writer = new RedisKeySnapshotWriter(redis);
    await writer.heartbeat();
    await admin.replicaof('127.0.0.1', Number(new URL(other.url).port));
    await expect(writer.heartbeat()).rejects.toThrow();
    await waitUntil(() => redis.storeId() === null, { what: 'the replica to be left' });
    await admin.replicaof('NO', 'ONE');
    await storeKnown(redis, 30_000);
    await waitUntil(() => writer.heartbeat().then(() => true), { what: 'a heartbeat' });
    admin.disconnect();
    await redis.close();
  });
});

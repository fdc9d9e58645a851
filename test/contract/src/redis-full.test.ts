import { randomUUID } from 'node:crypto';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import type { ReserveItem } from '@tollgate/credit';
import { asRedisUser, startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { RedisKeySnapshotReader, RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { connectRedis, storeKnown, type RedisConnection, type RedisService } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const UNLIMITED = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
const STORE_FULL = { kind: 'unavailable', why: 'store_full' };

let server: RedisServer;
let admin: Redis;
const connections: RedisConnection[] = [];
let gateway: RedisAdmission;
let books: RedisAdmissionBooks;
let writer: RedisKeySnapshotWriter;
let reader: RedisKeySnapshotReader;
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  const as = async (service: RedisService): Promise<RedisConnection> => {
    const connection = connectRedis({ url: asRedisUser(server.url, service), name: service, commandTimeoutMs: 10_000 });
    connections.push(connection);
    await storeKnown(connection, 30_000);
    return connection;
  };
  const ofGateway = await as('gateway');
  gateway = new RedisAdmission(ofGateway);
  reader = new RedisKeySnapshotReader(ofGateway);
  books = new RedisAdmissionBooks(await as('usage-billing'));
  writer = new RedisKeySnapshotWriter(await as('key-management'));
});
afterAll(async () => {
  await reader?.close();
  for (const connection of connections) await connection.close();
  admin?.disconnect();
  await server?.stop();
});

let organizationId: string;
beforeEach(async () => {
  organizationId = randomUUID();
  await gateway.renewLease('i');
  await open([]);
});
afterEach(() => admin.config('SET', 'maxmemory', '0'));

/** Less than Redis uses without any data. */
const fill = () => admin.config('SET', 'maxmemory', '500kb');
const open = (waitingFor: readonly { journalId: string; instanceId: string }[]) =>
  books.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor });
const item = (parts: Partial<ReserveItem> = {}): ReserveItem => ({
  requestId: randomUUID(),
  organizationId,
  apiKeyId: 'k',
  instanceId: 'i',
  journalId: 'j',
  amountNanoUsd: 10n,
  accounts: [{ accountId: 'a', capNanoUsd: 100n }],
  rateLimits: UNLIMITED,
  tokens: 10,
  ...parts,
});
const balance = async () => (await books.accounts(organizationId)).get('a');

describe('admission on a Redis without memory left', () => {
  it('refuses what takes credit or a parallel place, and keeps its share of the other limits', async () => {
    await fill();
    expect(await gateway.reserve(item())).toEqual(STORE_FULL);
    expect(await gateway.reserve(item({ accounts: [], rateLimits: { ...UNLIMITED, parallelRequests: 3 } }))).toEqual(
      STORE_FULL,
    );
    const limited = { accounts: [], rateLimits: { ...UNLIMITED, requestsPerMinute: 3 } };
    const decisions = await Promise.all(Array.from({ length: 5 }, () => gateway.reserve(item(limited))));
    expect(decisions.filter(({ kind }) => kind === 'admitted')).toHaveLength(3);
    expect(await balance()).toBeUndefined();
  });

  it('settles and releases what was held before, also beside reserves that it refuses', async () => {
    const [one, two, three] = [item(), item(), item()];
    for (const held of [one, two, three]) expect(await gateway.reserve(held)).toMatchObject({ kind: 'admitted' });
    await fill();
    const settled = (held: ReserveItem, chargeNanoUsd: bigint): void =>
      gateway.settle({ requestId: held.requestId, organizationId, chargeNanoUsd, tokens: 3 });
    settled(one, 4n);
    expect(await gateway.reserve(item())).toEqual(STORE_FULL);
    settled(two, 0n);
    // Reserves come without a pause; they must not keep the settles waiting.
    const refused = await Promise.all(Array.from({ length: 50 }, () => gateway.reserve(item())));
    expect(refused).toEqual(Array(50).fill(STORE_FULL));
    await waitUntil(async () => (await balance())?.heldNanoUsd === 10n, { what: 'two holds to be ended' });
    expect(await balance()).toEqual({ postedNanoUsd: 4n, heldNanoUsd: 10n });
    await books.settleBooked(organizationId, [
      {
        organizationId,
        requestId: three.requestId,
        chargeNanoUsd: 9n,
        tokens: 3,
        journalId: 'j',
        journalNumber: 3,
        accountIds: ['a'],
      },
    ]);
    expect(await balance()).toEqual({ postedNanoUsd: 13n, heldNanoUsd: 0n });
    expect(gateway.settleLagMs()).toBe(0);
    await admin.config('SET', 'maxmemory', '0');
    expect(await gateway.reserve(item())).toMatchObject({ kind: 'admitted' });
    expect(await balance()).toEqual({ postedNanoUsd: 13n, heldNanoUsd: 10n });
  });

  it('costs one call of Redis more for settles beside reserves, and none as long as there is memory', async () => {
    // One that Redis refuses for want of memory is counted apart.
    const scripts = async (): Promise<number> => {
      const counts = /cmdstat_evalsha:calls=(\d+),.*?rejected_calls=(\d+)/.exec(await admin.info('commandstats'))!;
      return Number(counts[1]) + Number(counts[2]);
    };
    const batch = async (): Promise<number> => {
      const before = await scripts();
      const reserved = gateway.reserve(item());
      gateway.settle({ requestId: randomUUID(), organizationId, chargeNanoUsd: 0n, tokens: 0 });
      await reserved;
      await gateway.drain();
      return (await scripts()) - before;
    };
    await batch();
    expect(await batch()).toBe(1);
    await fill();
    await batch();
    expect(await batch()).toBe(2);
  });

  it('renews leases, takes announcements, loads and corrections of the ledger, and ends epochs', async () => {
    await books.closeEpoch(organizationId);
    await open([
      { journalId: 'j', instanceId: 'i' },
      { journalId: 'gone', instanceId: 'gone' },
    ]);
    await fill();
    expect(await gateway.renewLease('i')).toContain(organizationId);
    const inFlight = { ...item(), accountIds: ['a'], parallel: false, limitsTokens: false };
    await gateway.announce({ organizationId, journalId: 'j', holds: [inFlight as never], finals: [] });
    await books.stopWaiting(organizationId, 'gone');
    expect(await balance()).toEqual({ postedNanoUsd: 0n, heldNanoUsd: 10n });
    expect(await books.loadAccounts(organizationId, [{ accountId: 'a', unheldNanoUsd: 5n, generation: 1 }])).toBe(true);
    await gateway.confirmShipped(organizationId, 'l', 2, 'j');
    expect(await books.shippedJournals(organizationId, 'l', 2)).toEqual(new Set(['j']));
    expect(await balance()).toEqual({ postedNanoUsd: 5n, heldNanoUsd: 10n });
    gateway.refused(item(), { kind: 'credit_exhausted', accountId: 'a', availableNanoUsd: 1n });
    await gateway.drain();
    const untold = (await books.untoldRefusals()).find((each) => each.organizationId === organizationId);
    expect(untold?.refusals).toMatchObject([{ accountId: 'a' }]);
    await books.forgetTold(untold!);
    await books.closeEpoch(organizationId);
    // An epoch takes on the accounts of an organisation, and nothing is admitted under it now.
    await expect(open([])).rejects.toThrow(/^OOM /);
    await admin.config('SET', 'maxmemory', '0');
    expect(await open([])).toBe(true);
  });
});

describe('snapshots on a Redis without memory left', () => {
  it('are written where a key has changed, a tombstone above all, and followers hear of it', async () => {
    const heard: string[] = [];
    let gaps = 0;
    reader.follow({
      changed: ({ apiKeyId, version }) => heard.push(`${apiKeyId} ${version}`),
      forget: () => undefined,
      gap: () => (gaps += 1),
    });
    await waitUntil(() => gaps > 0, { what: 'the stream to be followed' });
    await fill();
    const digests = ['ab'.repeat(32)];
    const dead = { apiKeyId: 'k', organizationId, version: 2, digests, state: 'revoked', reason: 'leaked' };
    await writer.write(dead as never);
    await writer.heartbeat({ importedKeys: false });
    await waitUntil(() => heard.includes('k 2') && reader.ageMs() < 1_000, { what: 'the tombstone to be heard' });
    expect(await reader.read(digests[0]!)).toMatchObject({ kind: 'found', snapshot: { state: 'revoked' } });
    expect(await writer.storeUsed()).toBeGreaterThan(1);
  });

  it('are not put back meanwhile: gateways ask key-management for these', async () => {
    await fill();
    const snapshot = {
      apiKeyId: 'l',
      organizationId,
      version: 1,
      digests: ['cd'.repeat(32)],
      state: 'revoked',
      reason: 'leaked',
    };
    await expect(writer.refill(snapshot as never)).rejects.toThrow(/^OOM /);
    await expect(writer.beginRefill()).rejects.toThrow(/^OOM /);
    await admin.config('SET', 'maxmemory', '0');
    expect(await writer.beginRefill()).toBe(true);
    await writer.refill(snapshot as never);
    await writer.endRefill();
    expect(await reader.read('cd'.repeat(32))).toMatchObject({ kind: 'found' });
  });
});

import { randomUUID } from 'node:crypto';
import { loadavg } from 'node:os';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import type { CappedItem } from '@tollgate/credit';
import { startRedis } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { median } from './statistics.js';

/**
 * Measures what admission costs for a call under five accounts (its key, its organisation, two groups, a project)
 * beside one under two: CPU of Redis and of the gateway's side, for a reserve and a settle. Both take turns, so that a
 * busy machine slows both.
 *
 * `npm run bench:accounts` prints a line for each size of batch.
 */
const KEYS = 64;
/** Calls that share a script call: one without load, more under load. */
const BATCHES = [1, 4, 16];
const CALLS_OF_TURN = 1_600;
const TURNS = 10;
/** The first turns fill caches and compile. */
const WARM_TURNS = 2;
const LEASE_EVERY = 50;
const ORGANIZATION = 'organization';
const CAP_NANO_USD = 9_000_000_000_000_000n;
const NO_LIMITS = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
const gateway = { instanceId: randomUUID(), journalId: randomUUID() };

interface Key {
  readonly apiKeyId: string;
  readonly accounts: readonly CappedItem[];
}

/** Budgets of this month that were set while their keys were in use. */
const budgets = ['group', 'group', 'project'].map((kind): CappedItem => {
  // A cycle without end: the bench may run over the end of a month.
  const cycle = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER };
  return { accountId: `${kind}:${randomUUID()}:monthly:2026-11-01`, capNanoUsd: CAP_NANO_USD, generation: 3, cycle };
});

function keysUnder(accounts: 2 | 5): readonly Key[] {
  return Array.from({ length: KEYS }, () => {
    const apiKeyId = randomUUID();
    const common = [`key:${apiKeyId}`, `organization:${ORGANIZATION}`].map((accountId) => ({
      accountId,
      capNanoUsd: CAP_NANO_USD,
    }));
    return { apiKeyId, accounts: accounts === 2 ? common : [...common, ...budgets] };
  });
}

/** Microseconds of CPU that Redis's main thread has used. */
async function usedByRedis({ client }: RedisConnection): Promise<number> {
  const info = await client.info('cpu');
  const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)![1]);
  return (seconds('used_cpu_user_main_thread') + seconds('used_cpu_sys_main_thread')) * 1e6;
}

/** Makes `size` calls at once, one after the other, and settles them. */
async function callAll(admission: RedisAdmission, keys: readonly Key[], size: number): Promise<void> {
  for (let done = 0; done < CALLS_OF_TURN; done += size) {
    if ((done / size) % LEASE_EVERY === 0) await admission.renewLease(gateway.instanceId);
    const items = Array.from({ length: size }, (_, at) => ({
      ...keys[(done + at) % KEYS]!,
      ...gateway,
      requestId: randomUUID(),
      organizationId: ORGANIZATION,
      amountNanoUsd: 1_000n,
      rateLimits: NO_LIMITS,
      tokens: 0,
    }));
    const decisions = await Promise.all(items.map((item) => admission.reserve(item)));
    const refused = decisions.find(({ kind }) => kind !== 'admitted');
    if (refused !== undefined) throw new Error(`a call was not admitted: ${refused.kind}`);
    for (const { requestId } of items)
      admission.settle({ requestId, organizationId: ORGANIZATION, chargeNanoUsd: 5n, tokens: 3 });
  }
  await admission.drain();
}

const server = await startRedis();
const connection = connectRedis({ url: server.url, name: 'account-bench', commandTimeoutMs: 10_000 });
await storeKnown(connection, 5_000);
const posted = budgets.map(({ accountId }) => ({ accountId, postedNanoUsd: 0n, generation: 3 }));
const epoch = { organizationId: ORGANIZATION, epochId: randomUUID(), posted, booked: [], waitingFor: [] };
await new RedisAdmissionBooks(connection).openEpoch(epoch);
const admission = new RedisAdmission(connection);
const kinds = [2, 5] as const;
const keysOf = { 2: keysUnder(2), 5: keysUnder(5) };
for (const size of BATCHES) {
  const redisUs: Record<2 | 5, number[]> = { 2: [], 5: [] };
  const ownUs: Record<2 | 5, number[]> = { 2: [], 5: [] };
  for (let turn = 0; turn < TURNS + WARM_TURNS; turn++) {
    for (const accounts of turn % 2 === 0 ? kinds : kinds.toReversed()) {
      const [redisBefore, ownBefore] = [await usedByRedis(connection), process.cpuUsage()];
      await callAll(admission, keysOf[accounts], size);
      const own = process.cpuUsage(ownBefore);
      const redis = (await usedByRedis(connection)) - redisBefore;
      if (turn < WARM_TURNS) continue;
      redisUs[accounts].push(redis / CALLS_OF_TURN);
      ownUs[accounts].push((own.user + own.system) / CALLS_OF_TURN);
    }
  }
  const [two, five] = kinds.map((accounts) => [median(redisUs[accounts]), median(ownUs[accounts])] as const);
  console.log(
    `${size} at once: Redis ${two![0].toFixed(1)} µs with two accounts, ${five![0].toFixed(1)} with five (${(five![0] / two![0]).toFixed(2)} ×); ` +
      `the gateway's side of admission ${two![1].toFixed(1)} and ${five![1].toFixed(1)} µs, ${(five![1] - two![1] + five![0] - two![0]).toFixed(1)} µs more in all`,
  );
}
console.log(`load of the machine: ${loadavg()[0]!.toFixed(1)}`);
await connection.close();
await server.stop();

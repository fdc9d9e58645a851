import { performance } from 'node:perf_hooks';
import { isLongEnded, type LoadItem, type OpenHold, type PostedAccount } from '@tollgate/credit';
import type { RedisConnection } from '@tollgate/redis';
import {
  accountField,
  formatHold,
  idOf,
  limitField,
  loadField,
  parseHold,
  parseRefusals,
  refusalField,
  requestField,
  toJson,
} from './hold-text.js';
import type { AdmissionBooks, BookedSettle, EpochOpening, UntoldRefusals } from './port.js';
import {
  LEASES_KEY,
  organizationKey,
  organizationOf,
  REFUSING_KEY,
  shippedKey,
  waitingKey,
  withScripts,
} from './scripts.js';

/** A lease that has not changed for this long is deleted; its gateway counts as gone after 30 s already. */
const STALE_LEASE_MS = 600_000;
const SETTLES_MAX = 100;
const ACCOUNTS_MAX = 500;
const CARRIED_MAX = 500;
/** The most accounts with which one call opens an epoch. */
const OPENED_MAX = 10_000;
/** Keys that Redis examines in one SCAN call, which takes well under a millisecond. */
const SCAN_COUNT = 1_000;

/** The ledger's side of admission on Redis. Every method rejects if Redis is unreachable. */
export class RedisAdmissionBooks implements AdmissionBooks {
  readonly #leaseSeen = new Map<string, { value: string; at: number }>();

  constructor(private readonly redis: RedisConnection) {
    withScripts(redis.client);
  }

  async openEpoch(epoch: EpochOpening): Promise<boolean> {
    const storeId = this.#storeId();
    if (await this.hasEpoch(epoch.organizationId)) return false;
    // Gateways are told first. An epoch that is open and that they were not told of would wait for them for good.
    await Promise.all(
      epoch.waitingFor.map(({ instanceId }) =>
        withScripts(this.redis.client).addMember(waitingKey(instanceId), epoch.organizationId),
      ),
    );
    // In parts, each well below a second: Redis does nothing else meanwhile.
    for (let at = 0; at === 0 || at < epoch.posted.length; at += OPENED_MAX) {
      const isLast = at + OPENED_MAX >= epoch.posted.length;
      const part = epoch.posted.slice(at, at + OPENED_MAX);
      const opened = await withScripts(this.redis.client).openEpoch(
        organizationKey(epoch.organizationId),
        storeId,
        epoch.epochId,
        at === 0 ? 1 : 0,
        isLast ? 1 : 0,
        ...openingArguments(isLast ? { ...epoch, posted: part } : { posted: part, booked: [], waitingFor: [] }),
      );
      if (opened !== 1) return false;
    }
    return true;
  }

  async loadAccounts(organizationId: string, items: readonly LoadItem[]): Promise<boolean> {
    if (items.length === 0) return this.hasEpoch(organizationId);
    const args = items.flatMap(({ accountId, unheldNanoUsd, generation }) => [
      accountField(accountId),
      loadField(accountId),
      limitField(accountId),
      unheldNanoUsd.toString(),
      generation,
    ]);
    const taken = await withScripts(this.redis.client).loadAccounts(
      organizationKey(organizationId),
      this.#storeId(),
      items.length,
      ...args,
    );
    return taken === 1;
  }

  async carry(organizationId: string, holds: readonly OpenHold[]): Promise<boolean> {
    if (holds.length === 0) return this.hasEpoch(organizationId);
    for (let at = 0; at < holds.length; at += CARRIED_MAX) {
      const part = holds.slice(at, at + CARRIED_MAX);
      const taken = await withScripts(this.redis.client).carry(
        organizationKey(organizationId),
        this.#storeId(),
        part.length,
        ...part.flatMap((hold) => [requestField(hold.requestId), formatHold(hold)]),
      );
      if (taken !== 1) return false;
    }
    return true;
  }

  async balances(organizationId: string, accountIds: readonly string[]): ReturnType<AdmissionBooks['accounts']> {
    if (accountIds.length === 0) return new Map();
    const texts = await this.redis.client.hmget(organizationKey(organizationId), ...accountIds.map(accountField));
    return new Map(texts.flatMap((text, at) => (text == null ? [] : [[accountIds[at]!, balanceOf(text)] as const])));
  }

  async shippedJournals(organizationId: string, limitId: string, generation: number): Promise<ReadonlySet<string>> {
    const confirmed = await this.redis.client.hgetall(shippedKey(organizationId, limitId));
    return new Set(Object.entries(confirmed).flatMap(([id, version]) => (Number(version) >= generation ? [id] : [])));
  }

  async dropEndedCycles(organizationId: string): Promise<number> {
    const key = organizationKey(organizationId);
    const [seconds] = await this.redis.client.time();
    const ended = new Set<string>();
    let cursor = '0';
    do {
      const [next, fields] = await this.redis.client.hscan(key, cursor, 'MATCH', '[alx]:*', 'COUNT', SCAN_COUNT);
      for (let at = 0; at < fields.length; at += 2) {
        const accountId = idOf(fields[at]!);
        if (isLongEnded(accountId, Number(seconds) * 1_000)) ended.add(accountId);
      }
      cursor = next;
    } while (cursor !== '0');
    const accountIds = [...ended];
    let dropped = 0;
    for (let at = 0; at < accountIds.length; at += ACCOUNTS_MAX) {
      const part = accountIds
        .slice(at, at + ACCOUNTS_MAX)
        .flatMap((id) => [accountField(id), loadField(id), refusalField(id)]);
      dropped += Number(await withScripts(this.redis.client).dropAccounts(key, ...part));
    }
    return dropped;
  }

  async hasEpoch(organizationId: string): Promise<boolean> {
    const epoch = await this.redis.client.hget(organizationKey(organizationId), 'e');
    return epoch?.startsWith(`${this.#storeId()}|`) ?? false;
  }

  async closeEpoch(organizationId: string): Promise<void> {
    await this.redis.client.hdel(organizationKey(organizationId), 'e');
  }

  async settleBooked(organizationId: string, items: readonly BookedSettle[]): Promise<void> {
    for (let at = 0; at < items.length; at += SETTLES_MAX) {
      await withScripts(this.redis.client).settleBooked(
        organizationKey(organizationId),
        ...bookedArguments(items.slice(at, at + SETTLES_MAX)),
      );
    }
  }

  async stopWaiting(organizationId: string, journalId: string): Promise<void> {
    await withScripts(this.redis.client).stopWaiting(organizationKey(organizationId), journalId);
  }

  async organizations(): Promise<readonly string[]> {
    const found = new Set<string>();
    let cursor = '0';
    do {
      const [next, keys] = await this.redis.client.scan(cursor, 'MATCH', organizationKey('*'), 'COUNT', SCAN_COUNT);
      for (const key of keys) found.add(organizationOf(key));
      cursor = next;
    } while (cursor !== '0');
    return [...found];
  }

  async openHolds(organizationId: string): Promise<readonly OpenHold[]> {
    const fields = await this.redis.client.hgetall(organizationKey(organizationId));
    return Object.entries(fields).flatMap(([name, text]) =>
      name.startsWith('o:') ? [parseHold(name.slice(2), text)] : [],
    );
  }

  async untoldRefusals(): Promise<readonly UntoldRefusals[]> {
    const refusing = Object.entries(await this.redis.client.hgetall(REFUSING_KEY));
    return Promise.all(
      refusing.map(async ([organizationId, value]) => {
        const text = (await this.redis.client.hget(organizationKey(organizationId), 'xu')) ?? '';
        return { organizationId, refusals: parseRefusals(text), read: [value, text] };
      }),
    );
  }

  async forgetTold({ organizationId, read: [value = '', text = ''] }: UntoldRefusals): Promise<void> {
    await withScripts(this.redis.client).forgetTold(organizationKey(organizationId), text);
    await withScripts(this.redis.client).forgetRefusing(REFUSING_KEY, organizationId, value);
  }

  async leases(): Promise<ReadonlyMap<string, string>> {
    const leases = new Map(Object.entries(await this.redis.client.hgetall(LEASES_KEY)));
    const now = performance.now();
    for (const [instanceId, value] of leases) {
      const seen = this.#leaseSeen.get(instanceId);
      if (seen?.value !== value) this.#leaseSeen.set(instanceId, { value, at: now });
      else if (now - seen.at > STALE_LEASE_MS) {
        this.#leaseSeen.delete(instanceId);
        leases.delete(instanceId);
        await this.redis.client.hdel(LEASES_KEY, instanceId);
        await this.redis.client.del(waitingKey(instanceId));
      }
    }
    return leases;
  }

  async accounts(organizationId: string): Promise<ReadonlyMap<string, { postedNanoUsd: bigint; heldNanoUsd: bigint }>> {
    const fields = await this.redis.client.hgetall(organizationKey(organizationId));
    const accounts = new Map<string, { postedNanoUsd: bigint; heldNanoUsd: bigint }>();
    for (const [name, text] of Object.entries(fields)) {
      if (!name.startsWith('a:')) continue;
      accounts.set(idOf(name), balanceOf(text));
    }
    return accounts;
  }

  #storeId(): string {
    const storeId = this.redis.storeId();
    if (storeId === null) throw new Error('Redis is not connected');
    return storeId;
  }
}

function balanceOf(text: string): { postedNanoUsd: bigint; heldNanoUsd: bigint } {
  const [posted, held] = text.split('|');
  return { postedNanoUsd: BigInt(posted!), heldNanoUsd: BigInt(held!) };
}

/** The sections of open-epoch.lua. */
function openingArguments({
  posted,
  booked,
  waitingFor,
}: Pick<EpochOpening, 'posted' | 'booked' | 'waitingFor'>): readonly (string | number)[] {
  return [
    posted.length,
    ...posted.flatMap(({ accountId, postedNanoUsd }) => [accountField(accountId), postedNanoUsd.toString()]),
    booked.length,
    ...booked.flatMap(({ journalId, number }) => [journalId, number]),
    waitingFor.length,
    ...waitingFor.flatMap(({ journalId, instanceId }) => [journalId, instanceId]),
    ...loadArguments(posted),
  ];
}

/** The last two sections of open-epoch.lua: what the ledger told of accounts, and the limits that it has loaded. */
function loadArguments(posted: readonly PostedAccount[]): readonly (string | number)[] {
  const loads: (string | number)[] = [];
  const limits = new Map<string, number>();
  for (const { accountId, unheldNanoUsd = 0n, generation = 0 } of posted) {
    if (generation > 0 || unheldNanoUsd > 0n) loads.push(loadField(accountId), `${generation}|${unheldNanoUsd}`);
    const limit = generation > 0 ? limitField(accountId) : '';
    if (limit !== '') limits.set(limit, Math.max(generation, limits.get(limit) ?? 0));
  }
  return [loads.length / 2, ...loads, limits.size, ...[...limits].flat()];
}

/** The arguments of settle-booked.lua. */
function bookedArguments(items: readonly BookedSettle[]): readonly (string | number)[] {
  const fields = items.map(({ requestId }) => requestField(requestId));
  const places = new Map<string, number>();
  const parts = items.map(({ chargeNanoUsd, tokens, journalId, journalNumber, accountIds, charged = [] }) => {
    let place = places.get(journalId);
    if (place === undefined) {
      place = fields.push(`w:${journalId}`);
      fields.push(`b:${journalId}`);
      places.set(journalId, place);
    }
    return [
      ...[Number(chargeNanoUsd), tokens ?? -1, place, journalNumber],
      ...accountIds.map(accountField),
      ...charged.flatMap(({ accountId, amountNanoUsd }) => [accountField(accountId), Number(amountNanoUsd)]),
    ];
  });
  return [items.length, toJson(fields), toJson(parts)];
}

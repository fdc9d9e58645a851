import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { isGoverned, refusalMarks, type AdmissionDecision, type ReserveItem, type SettleItem } from '@tollgate/credit';
import type { RedisConnection } from '@tollgate/redis';
import { AdmitCalls, decideReserves, PLACE_ONLY, type PendingReserve } from './admit-call.js';
import { formatHold, formatMark } from './hold-text.js';
import { LocalRateLimits } from './local-rate-limits.js';
import type { Admission, Announcement } from './port.js';
import { isFull, LEASES_KEY, organizationKey, REFUSING_KEY, shippedKey, waitingKey, withScripts } from './scripts.js';

/** The most items of one script call; further items go into the next one. */
const BATCH_ITEMS_MAX = 128;
/** A settle waits at most this long for a batch, and so does a reserve while a call is under way. */
const COMPANY_DELAY_MS = 5;
/** A settle that the store did not take is queued again after this time. */
const SETTLE_RETRY_MS = 500;
/**
 * A gateway that has not renewed its lease for this long admits nothing on credit. This is well under the 30 s after
 * which it counts as gone.
 */
const LEASE_AGE_MS_MAX = 10_000;
/** A confirmation is asked for within seconds of the change of a limit. */
const SHIPPED_SECONDS = 600;

/** For so long a gateway does not mark an account again that it has marked for the same terms. */
const MARKED_MS = 60_000;
/** Capacity of what a gateway remembers of its marks; all of it is forgotten when it is full. */
const MARKED_MAX = 10_000;

/** What a gateway has marked an account with. */
interface Marked {
  readonly terms: string;
  /** Another store has no marks of this one. */
  readonly storeId: string;
  readonly at: number;
}

interface Queue {
  readonly settles: SettleItem[];
  readonly reserves: PendingReserve[];
}

/**
 * Admission on Redis. The reserves and settles of one event-loop turn go out in one script call for each organisation.
 * Items that arrive while a call is under way are batched for the next one: under load the batches grow, and without
 * load no reserve waits. A batch whose outcome is unknown is not sent again: its requests are refused and its holds
 * released.
 */
export class RedisAdmission implements Admission {
  readonly #queues = new Map<string, Queue>();
  readonly #local = new LocalRateLimits();
  readonly #calls = new AdmitCalls();
  #immediate: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #leaseSentAt = -Infinity;
  #instanceId: string | null = null;
  #onBatch: (items: number) => void = () => undefined;
  /** Calls that are not answered yet, each with the moment it was sent; the oldest first. */
  readonly #underway = new Map<Promise<void>, number>();
  /** Settles whose call failed, each with the moment of its first failure; the oldest first. */
  readonly #failed = new Map<SettleItem, number>();
  /** By organisation and account: what this gateway has marked it with last. */
  readonly #marked = new Map<string, Marked>();
  /** Marks under way. */
  readonly #marking = new Set<Promise<void>>();

  /** `nowMs` is the time of raises and expiry in what is told of a refusal, in milliseconds since 1970. */
  constructor(
    private readonly redis: RedisConnection,
    private readonly nowMs: () => number = Date.now,
  ) {
    withScripts(redis.client);
  }

  reserve(item: ReserveItem): Promise<AdmissionDecision> {
    if (isGoverned(item) && performance.now() - this.#leaseSentAt > LEASE_AGE_MS_MAX) {
      return Promise.resolve({
        kind: 'unavailable',
        why: this.redis.storeId() === null ? 'store_unreachable' : 'no_lease',
      });
    }
    return new Promise((decide) => {
      this.#queue(item.organizationId).reserves.push({ item, decide });
      if (this.#underway.size === 0) this.#immediate ??= setImmediate(this.#flush);
      else this.#flushLater();
    });
  }

  settle(item: SettleItem): void {
    if (!this.#local.settle(item)) this.#queueSettle(item);
  }

  leave(requestId: string, organizationId: string): void {
    this.#queueSettle({ requestId, organizationId, chargeNanoUsd: PLACE_ONLY, tokens: null });
  }

  refused(item: ReserveItem, decision: AdmissionDecision & { readonly kind: 'credit_exhausted' }): void {
    const [at, storeId] = [performance.now(), this.redis.storeId()];
    if (storeId === null) return;
    const marks = refusalMarks(item, decision, this.nowMs()).filter(({ accountId, terms }) => {
      const last = this.#marked.get(`${item.organizationId} ${accountId}`);
      return last?.terms !== terms || last.storeId !== storeId || at - last.at >= MARKED_MS;
    });
    if (marks.length === 0) return;
    if (this.#marked.size > MARKED_MAX) this.#marked.clear();
    const names = marks.map(({ accountId }) => `${item.organizationId} ${accountId}`);
    for (const [number, { terms }] of marks.entries()) this.#marked.set(names[number]!, { terms, storeId, at });
    const marking: Promise<void> = this.#mark(item.organizationId, marks.flatMap(formatMark))
      // Whether it is marked is not known: the next refusal marks it again.
      .catch(() => {
        for (const name of names) this.#marked.delete(name);
      })
      .finally(() => this.#marking.delete(marking));
    this.#marking.add(marking);
  }

  /** The organisation is named as refusing after its mark: who finds it there finds the mark. */
  async #mark(organizationId: string, marks: readonly string[]): Promise<void> {
    const { client } = this.redis;
    if ((await withScripts(client).noteRefusals(organizationKey(organizationId), ...marks)) === 1)
      await withScripts(client).putField(REFUSING_KEY, organizationId, randomUUID());
  }

  async renewLease(instanceId: string): Promise<readonly string[]> {
    const sentAt = performance.now();
    this.#instanceId = instanceId;
    const [, waiting, known] = await Promise.all([
      withScripts(this.redis.client).putField(LEASES_KEY, instanceId, Date.now().toString()),
      this.redis.client.smembers(waitingKey(instanceId)),
      this.redis.client.hlen(LEASES_KEY),
    ]);
    this.#leaseSentAt = sentAt;
    this.#local.gateways = Math.max(1, known);
    return waiting;
  }

  async bookedNumber(organizationId: string, journalId: string): Promise<number | null> {
    const [waiting, booked] = await this.redis.client.hmget(
      organizationKey(organizationId),
      `w:${journalId}`,
      `b:${journalId}`,
    );
    return waiting == null ? null : Number(booked ?? '0');
  }

  async announce({ organizationId, journalId, holds, finals }: Announcement): Promise<void> {
    const items = [
      ...holds.map((hold) => [hold.requestId, formatHold(hold), 0]),
      ...finals.map((final) => [final.requestId, formatHold(final), final.journalNumber]),
    ];
    await withScripts(this.redis.client).announce(
      organizationKey(organizationId),
      journalId,
      items.length,
      ...items.flat(),
    );
    if (this.#instanceId !== null) await this.redis.client.srem(waitingKey(this.#instanceId), organizationId);
  }

  async confirmShipped(organizationId: string, limitId: string, generation: number, journalId: string): Promise<void> {
    const key = shippedKey(organizationId, limitId);
    await withScripts(this.redis.client).putField(key, journalId, generation, SHIPPED_SECONDS);
  }

  onBatch(listener: (items: number) => void): void {
    this.#onBatch = listener;
  }

  settleLagMs(): number {
    const [failed] = this.#failed.values();
    const [sent] = this.#underway.values();
    const now = performance.now();
    return Math.max(0, now - (failed ?? now), now - (sent ?? now));
  }

  /** Sends what is queued and waits for the calls under way. Called before the process ends. */
  async drain(): Promise<void> {
    this.#flush();
    await Promise.allSettled([...this.#underway.keys(), ...this.#marking]);
  }

  #queue(organizationId: string): Queue {
    let queue = this.#queues.get(organizationId);
    if (queue === undefined) {
      queue = { settles: [], reserves: [] };
      this.#queues.set(organizationId, queue);
    }
    return queue;
  }

  #queueSettle(item: SettleItem): void {
    this.#queue(item.organizationId).settles.push(item);
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#immediate === null) this.#timer ??= setTimeout(this.#flush, COMPANY_DELAY_MS);
  }

  readonly #flush = (): void => {
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#immediate = null;
    this.#timer = null;
    for (const [organizationId, queue] of this.#queues) {
      while (queue.settles.length + queue.reserves.length > 0) {
        const settles = queue.settles.splice(0, BATCH_ITEMS_MAX);
        const reserves = queue.reserves.splice(0, BATCH_ITEMS_MAX - settles.length);
        this.#send(organizationId, settles, reserves);
      }
      this.#queues.delete(organizationId);
    }
  };

  #send(organizationId: string, settles: readonly SettleItem[], reserves: readonly PendingReserve[]): void {
    const storeId = this.redis.storeId();
    if (storeId === null) {
      this.#retry(settles);
      for (const pending of reserves) pending.decide(this.#local.decide(pending.item));
      return;
    }
    this.#onBatch(settles.length + reserves.length);
    // Both are the same script, and the one for settles alone runs while Redis has no memory left.
    const script = reserves.length === 0 ? 'settle' : 'admit';
    const call = withScripts(this.redis.client)[script](
      organizationKey(organizationId),
      this.#calls.write(storeId, settles, reserves),
    );
    const sent: Promise<void> = call
      .then((reply) => {
        this.#underway.delete(sent);
        if (this.#failed.size > 0) for (const settle of settles) this.#failed.delete(settle);
        decideReserves(reserves, reply as string);
        if (this.#queues.size > 0) this.#immediate ??= setImmediate(this.#flush);
      })
      .catch((error: unknown) => {
        this.#underway.delete(sent);
        // Nothing of the batch was done. Its settles, which give memory back, do not wait for reserves.
        if (reserves.length > 0 && isFull(error)) {
          if (settles.length > 0) this.#send(organizationId, settles, []);
          for (const pending of reserves) pending.decide(this.#local.decide(pending.item, 'store_full'));
          return;
        }
        // It is unknown whether the script ran. Releasing a hold that does not exist changes nothing.
        this.#retry([
          ...settles,
          ...reserves
            .filter(holdsSomething)
            .map(({ item }) => ({ requestId: item.requestId, organizationId, chargeNanoUsd: 0n, tokens: 0 })),
        ]);
        for (const pending of reserves) pending.decide(this.#local.decide(pending.item));
      });
    this.#underway.set(sent, performance.now());
  }

  #retry(settles: readonly SettleItem[]): void {
    if (settles.length === 0) return;
    const now = performance.now();
    for (const settle of settles) if (!this.#failed.has(settle)) this.#failed.set(settle, now);
    setTimeout(() => {
      for (const settle of settles) this.#queueSettle(settle);
    }, SETTLE_RETRY_MS).unref();
  }
}

function holdsSomething({ item }: PendingReserve): boolean {
  return isGoverned(item) || item.rateLimits.parallelRequests !== null || item.rateLimits.tokensPerMinute !== null;
}

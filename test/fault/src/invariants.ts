import { waitUntil } from '@tollgate/infra';
import {
  chatBody,
  costOfEntry,
  holdNanoUsd,
  nanoUsd,
  waitingAtGate,
  type ChatFields,
  type CreatedKey,
  type DistributedShape,
  type Shape,
} from '@tollgate/journey';
import type { LogEntry } from '@tollgate/provider-simulator';
import { expect } from 'vitest';
import { explainAccount } from './explain-books.js';
import { eventsIn, postedIn, type LedgerEvent } from './ledger.js';
import type { CallRecord } from './load.js';

/**
 * What must hold whatever breaks.
 *
 * I1, always: charged + held ≤ cap, on every account.
 * I2, at rest: held = 0, and posted in admission = posted in the ledger = the sum of the usage events.
 * Exactly once: each call that the provider saw has one usage event, and only calls that it saw are charged.
 * Exact: where the caller had the whole reply, its charge is what the provider reported at the price of the model.
 */

/** One account in usage-billing's comparison of its books with admission's; amounts in nano-USD. */
export interface Balance {
  readonly accountId: string;
  readonly ledgerPosted: bigint;
  /** Null: admission does not know the account. */
  readonly admissionPosted: bigint | null;
  readonly held: bigint;
}

export async function balancesOf(shape: DistributedShape): Promise<Balance[]> {
  const { accounts } = await shape.askUsageBilling<{
    accounts: {
      accountId: string;
      ledgerPostedNanoUsd: string;
      redisPostedNanoUsd: string | null;
      heldNanoUsd: string;
    }[];
  }>('/internal/reconciliation?organization_id=default');
  return accounts.map((account) => ({
    accountId: account.accountId,
    ledgerPosted: BigInt(account.ledgerPostedNanoUsd),
    admissionPosted: account.redisPostedNanoUsd === null ? null : BigInt(account.redisPostedNanoUsd),
    held: BigInt(account.heldNanoUsd),
  }));
}

/** Accounts that pass their cap, by I1; the caps are those of the keys. */
export function accountsPastTheirCap(balances: readonly Balance[], keys: readonly CreatedKey[]): string[] {
  const caps = new Map(
    keys.flatMap((key) => (key.credit_limit_usd === null ? [] : [[accountOf(key), nanoUsd(key.credit_limit_usd)]])),
  );
  return balances
    .filter(({ accountId, ledgerPosted, admissionPosted, held }) => {
      const cap = caps.get(accountId);
      return cap !== undefined && ((admissionPosted ?? 0n) + held > cap || ledgerPosted > cap);
    })
    .map(({ accountId }) => accountId);
}

export interface CapWatch {
  /** Resolves with how often it looked and which accounts it found past their cap. */
  stop(): Promise<{ looks: number; past: string[] }>;
}

/** Looks at I1 again and again until it is stopped. */
export function watchCaps(shape: DistributedShape, keys: readonly CreatedKey[]): CapWatch {
  const past = new Set<string>();
  let looks = 0;
  const stopping = new AbortController();
  const watching = waitUntil(
    async () => {
      // Redis or usage-billing may be what is broken at the moment.
      const balances = await balancesOf(shape).catch(() => []);
      if (balances.length > 0) looks += 1;
      for (const accountId of accountsPastTheirCap(balances, keys)) past.add(accountId);
      return false;
    },
    { what: 'the watch of caps to be stopped', timeoutMs: 300_000, intervalMs: 50, signal: stopping.signal },
  );
  const stopped = watching.catch(() => undefined);
  return {
    stop: async () => {
      stopping.abort();
      await stopped;
      return { looks, past: [...past] };
    },
  };
}

/**
 * Waits for I2 of every capped key, as far as admission and ledger go; resolves with the balances at rest. Rejects with
 * the requests that a difference may be about.
 */
export async function balancesAtRest(
  shape: DistributedShape,
  keys: readonly CreatedKey[],
  timeoutMs = 60_000,
): Promise<Balance[]> {
  const capped = new Set(keys.filter((key) => key.credit_limit_usd !== null).map(accountOf));
  let unsettled: readonly Balance[] = [];
  const atRest = waitUntil(
    async () => {
      const balances = (await balancesOf(shape)).filter(({ accountId }) => capped.has(accountId));
      unsettled = balances.filter(
        ({ held, ledgerPosted, admissionPosted }) => held !== 0n || ledgerPosted !== (admissionPosted ?? 0n),
      );
      if (unsettled.length > 0)
        throw new Error(
          unsettled
            .map(
              (each) =>
                `${each.accountId}: held ${each.held}, admission ${each.admissionPosted}, ledger ${each.ledgerPosted}`,
            )
            .join('; '),
        );
      return balances;
    },
    { what: 'nothing to be held, and both books to agree', timeoutMs, intervalMs: 100 },
  );
  return atRest.catch(async (error: unknown) => {
    const explained = unsettled.map(({ accountId, ledgerPosted, admissionPosted }) =>
      explainAccount(shape, accountId, (admissionPosted ?? 0n) - ledgerPosted),
    );
    throw new Error([(error as Error).message, ...(await Promise.all(explained))].join('\n'), { cause: error });
  });
}

/** I2's other half: what is posted to each account is the sum of its events. */
export function expectPostedAsEvents(posted: ReadonlyMap<string, bigint>, events: readonly LedgerEvent[]): void {
  const sums = new Map<string, bigint>();
  for (const { accountIds, charge } of events)
    for (const accountId of accountIds) sums.set(accountId, (sums.get(accountId) ?? 0n) + charge);
  const differing = [...new Set([...posted.keys(), ...sums.keys()])].filter(
    (accountId) => (posted.get(accountId) ?? 0n) !== (sums.get(accountId) ?? 0n),
  );
  expect(differing, 'accounts whose posted sum is not that of their events').toEqual([]);
}

/** Calls of the provider's log that the ledger has not got, as long as there are some. */
function missingEvents(log: readonly LogEntry[], events: readonly LedgerEvent[]): string[] {
  const booked = new Set(events.map(({ requestId }) => requestId));
  return log.flatMap(({ request_id: requestId }) => (requestId !== null && !booked.has(requestId) ? [requestId] : []));
}

/**
 * Joins the provider's log, the ledger and what callers saw: exactly once, and exact. One request may have several
 * entries in the log, where a target failed before its first byte and the next was tried; the last is what counts.
 * Returns the figures.
 */
export function expectExactlyOnce(
  log: readonly LogEntry[],
  events: readonly LedgerEvent[],
  records: readonly CallRecord[],
): Record<string, number> {
  const entryOf = new Map(log.map((entry) => [entry.request_id, entry]));
  const eventOf = new Map(events.map((event) => [event.requestId, event]));
  const repeated = log.filter(
    (entry) => entryOf.get(entry.request_id) !== entry && (entry.chunks_sent > 0 || entry.outcome === 'answered'),
  );
  expect(
    repeated.map((entry) => entry.request_id),
    'calls repeated after their first byte',
  ).toEqual([]);
  expect(eventOf.size, 'events booked twice').toBe(events.length);
  expect(missingEvents(log, events), 'calls without an event').toEqual([]);

  const chargedForNothing = events.filter(({ requestId, charge }) => !entryOf.has(requestId) && charge !== 0n);
  expect(
    chargedForNothing.map(({ requestId }) => requestId),
    'charges for what the provider never saw',
  ).toEqual([]);
  const aboveHold = events.filter(({ charge, hold }) => hold !== null && charge > hold);
  expect(
    aboveHold.map(({ requestId }) => requestId),
    'charges above their hold',
  ).toEqual([]);

  const whole = records.filter((record) => record.whole);
  const inexact = whole.filter(
    ({ requestId }) => eventOf.get(requestId ?? '')?.charge !== costOfEntry(entryOf.get(requestId)!),
  );
  expect(
    inexact.map(({ requestId }) => requestId),
    'whole replies whose charge is not exact',
  ).toEqual([]);

  const completed = events.filter(({ requestId, outcome }) => outcome === 'completed' && entryOf.has(requestId));
  const wrong = completed.filter(({ requestId, charge }) => charge !== costOfEntry(entryOf.get(requestId)!));
  expect(
    wrong.map(({ requestId }) => requestId),
    'completed calls whose charge is not exact',
  ).toEqual([]);
  return {
    'calls at the provider': entryOf.size,
    'whole replies': whole.length,
    orphaned: events.filter(({ outcome }) => outcome === 'orphaned').length,
    missing: 0,
    twice: 0,
  };
}

export interface FaultEnd {
  /** What the fault's own callers saw. */
  readonly records?: readonly CallRecord[];
  /** Stopped, and held to I1. */
  readonly caps?: CapWatch;
  /** How long booking and settling may take after the fault; default 60 s. */
  readonly withinMs?: number;
}

/**
 * How every fault ends: I1 now, and during all of a watch; then I2 of all that ever happened in this shape, as soon as
 * it is at rest; exactly once, and exact. Calls that are still under way at the provider are left out. Returns the
 * figures.
 */
export async function expectInvariants(
  shape: DistributedShape,
  keys: readonly CreatedKey[],
  { records = [], caps, withinMs = 60_000 }: FaultEnd = {},
): Promise<Record<string, number>> {
  expect(accountsPastTheirCap(await balancesOf(shape), keys), 'accounts past their cap').toEqual([]);
  const startedAt = performance.now();
  const log = shape.simulator
    .log()
    .filter(({ outcome, request_id: requestId }) => outcome !== 'pending' && requestId !== null);
  await waitUntil(async () => missingEvents(log, await eventsIn(shape.databaseUrl)).length === 0, {
    what: 'every call to be booked',
    timeoutMs: withinMs,
    intervalMs: 100,
  });
  await balancesAtRest(shape, keys, withinMs);
  const restAfter = performance.now() - startedAt;
  const events = await waitUntil(
    async () => {
      const now = await eventsIn(shape.databaseUrl);
      expectPostedAsEvents(await postedIn(shape.databaseUrl), now);
      return now;
    },
    { what: 'what is posted to be the sum of the events', timeoutMs: 60_000, intervalMs: 50 },
  );
  const booked = new Set([...log.map((entry) => entry.request_id), ...events.map(({ requestId }) => requestId)]);
  const figures = expectExactlyOnce(
    shape.simulator.log().filter((entry) => booked.has(entry.request_id)),
    events,
    records,
  );
  const watched = await caps?.stop();
  expect(watched?.past ?? [], 'accounts past their cap while it was broken').toEqual([]);
  return {
    ...figures,
    'at rest after ms': Math.round(restAfter),
    ...(watched === undefined ? {} : { 'looks at the caps': watched.looks }),
  };
}

/**
 * Shows from outside that nothing of a capped key is held: with the provider's gate closed, exactly as many calls are
 * let through as fit into what is not charged.
 */
export async function expectNothingHeld(shape: Shape, key: CreatedKey): Promise<void> {
  const { credit_used_usd: used } = await shape.client().getKey(key.id);
  const left = nanoUsd(key.credit_limit_usd!) - nanoUsd(used);
  const fitting = 5n;
  const fields: ChatFields = { max_tokens: Number(left / fitting / 600n) - 200 };
  expect(
    left / holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(fields)), fields.max_tokens!),
    'calls that must fit',
  ).toBe(fitting);
  shape.simulator.closeGate();
  try {
    const decided: number[] = [];
    const calls = Array.from({ length: 8 }, () =>
      shape
        .client()
        .chat(key.secret, fields)
        .then(({ status }) => decided.push(status)),
    );
    await waitUntil(async () => decided.length + (await waitingAtGate(shape)) === calls.length, {
      what: 'every call to be decided',
    });
    expect(decided, 'calls refused while the others wait').toEqual([402, 402, 402]);
    shape.simulator.openGate();
    await Promise.all(calls);
    expect(decided.filter((status) => status === 200)).toHaveLength(Number(fitting));
  } finally {
    shape.simulator.openGate();
  }
}

/** The account that a key's own limit caps. */
export const accountOf = (key: { readonly id: string }): string => `key:${key.id}`;

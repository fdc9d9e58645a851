import { kindOfAccount, type AccountKind } from '@tollgate/api-key';
import type { UsageRecorded, UsageRecordedV2 } from '@tollgate/contracts';
import type { HeldPart } from '@tollgate/credit';
import type { EntityManager } from 'typeorm';
import { SUM_MAX } from './bookable-event.js';
import { saveAccounts } from '../../store/accounts.js';
import { PLATFORM } from '../account.js';
import { correctionsOf, type BookedOrphan } from '../replace-orphans/booked-orphan.js';
import { reopenGrants, takeOutOfKeys, takeOutOrphans } from '../replace-orphans/orphan-store.js';
import { insertRows, type Column } from '../../store/insert-rows.js';
import { countedAtMs, type CountedCall } from './accounts-in-force.js';
import { EVENT_COLUMNS, FACT_COLUMNS } from './event-columns.js';
import type { Booking, BookingDecision } from './decide-booking.js';

/** Writes the decided bookings with one statement for each table, whatever the number of events. */
export async function writeBookings(manager: EntityManager, { bookings, accounts }: BookingDecision): Promise<void> {
  const finals = bookings.filter(isReplacing);
  if (finals.length > 0) await replaceOrphans(manager, finals);
  await insertEvents(manager, bookings);
  const others = finals.length === 0 ? bookings : bookings.filter((booking) => !isReplacing(booking));
  if (others.length > 0) await insertTransfers(manager, others.flatMap(transfersOf));
  await saveAccounts(manager, accounts);
  await addToKeyUsage(manager, bookings);
  const replaced = finals.map((final) => final.replaced);
  if (replaced.length > 0) await takeOutOfKeys(manager, replaced);
  await addToAccountMonths(manager, [...bookings.map(chargesOf), ...replaced.map(takenBackOf)]);
}

/** A final that takes the place of an orphan's event. */
type ReplacingBooking = Booking & { readonly replaced: BookedOrphan };
const isReplacing = (booking: Booking): booking is ReplacingBooking => booking.replaced !== null;

/** Writes the differences of the charges, and takes out the events of the orphans. */
async function replaceOrphans(manager: EntityManager, finals: readonly ReplacingBooking[]): Promise<void> {
  const corrections = finals.flatMap(correctingTransfersOf);
  await insertTransfers(manager, corrections);
  await takeOutOrphans(
    manager,
    finals.map(({ event }) => event.requestId),
  );
  await reopenGrants(
    manager,
    corrections.filter(({ amount }) => amount < 0n).map(({ accountId }) => accountId),
  );
}

/** Adds what version 2 of events says that were booked by version 1. Nothing that is booked changes. */
export async function writeFacts(manager: EntityManager, facts: readonly UsageRecordedV2[]): Promise<void> {
  await insertRows(manager, 'usage_event_facts', FACT_COLUMNS, facts, 'ON CONFLICT (request_id) DO NOTHING');
}

const BOOKING_COLUMNS: readonly Column<Booking>[] = [
  ...EVENT_COLUMNS,
  ['told_charge_nano_usd', 'bigint', ({ event }) => event.chargeNanoUsd],
];

async function insertEvents(manager: EntityManager, bookings: readonly Booking[]): Promise<void> {
  await insertRows(manager, 'usage_event', BOOKING_COLUMNS, bookings);
}

interface Transfer {
  /** Null for those of `PLATFORM`. */
  readonly organizationId: string | null;
  readonly requestId: string;
  readonly accountId: string;
  readonly kind: 'post' | 'adjust' | 'correct' | 'platform_loss';
  readonly amount: bigint;
}

const TRANSFER_COLUMNS: readonly Column<Transfer>[] = [
  ['organization_id', 'text', ({ organizationId }) => organizationId],
  ['request_id', 'uuid', ({ requestId }) => requestId],
  ['account_id', 'text', ({ accountId }) => accountId],
  ['kind', 'text', ({ kind }) => kind],
  ['amount_nano_usd', 'bigint', ({ amount }) => amount.toString()],
];

async function insertTransfers(manager: EntityManager, transfers: readonly Transfer[]): Promise<void> {
  await insertRows(manager, 'transfer', TRANSFER_COLUMNS, transfers);
}

/** A charge of 0 is posted as well: the transfer marks the request as resolved. */
function transfersOf({ event, charges, kind, lossNanoUsd }: Booking): Transfer[] {
  const { organizationId, requestId } = event;
  const charged = charges.map(({ accountId, amountNanoUsd: amount }) => ({
    organizationId,
    requestId,
    accountId,
    kind,
    amount,
  }));
  if (lossNanoUsd === 0n) return charged;
  return [
    ...charged,
    { organizationId: null, requestId, accountId: PLATFORM, kind: 'platform_loss', amount: lossNanoUsd },
  ];
}

/** A difference of 0 is written as well: it says that a final took the place of an orphan's event. */
function correctingTransfersOf({ event, charges, replaced, lossNanoUsd }: ReplacingBooking): Transfer[] {
  const { requestId } = event;
  const correcting = (organizationId: string | null, accountId: string, amount: bigint): Transfer => ({
    organizationId,
    requestId,
    accountId,
    kind: 'correct',
    amount,
  });
  const loss = lossNanoUsd - replaced.lossNanoUsd;
  return [
    ...[...correctionsOf(charges, replaced)].map(([accountId, amount]) =>
      correcting(event.organizationId, accountId, amount),
    ),
    ...(loss === 0n ? [] : [correcting(null, PLATFORM, loss)]),
  ];
}

/** Kinds of accounts of which statements say what was charged to them. */
const STATED: ReadonlySet<AccountKind | null> = new Set<AccountKind>(['grant', 'subscription', 'payg']);

interface AccountMonth {
  readonly organizationId: string;
  readonly accountId: string;
  /** The first day of the month in which the calls count. */
  readonly cycle: string;
  charge: bigint;
}

/** What a call adds to accounts; what is taken back of an orphan is less than nothing. */
interface CallCharges {
  readonly call: CountedCall;
  readonly charges: readonly HeldPart[];
}
const chargesOf = ({ event, charges }: Booking): CallCharges => ({ call: event, charges });
const takenBackOf = (orphan: BookedOrphan): CallCharges => ({
  call: orphan,
  charges: orphan.charges.map(({ accountId, amountNanoUsd }) => ({ accountId, amountNanoUsd: -amountNanoUsd })),
});

/** Adds to the sums of grants and subscriptions by month. Index: account_usage_month_pk. */
async function addToAccountMonths(manager: EntityManager, added: readonly CallCharges[]): Promise<void> {
  const months = new Map<string, AccountMonth>();
  for (const { call, charges } of added) {
    for (const { accountId, amountNanoUsd } of charges) {
      if (!STATED.has(kindOfAccount(accountId))) continue;
      const cycle = `${new Date(countedAtMs(call)).toISOString().slice(0, 7)}-01`;
      const key = JSON.stringify([call.organizationId, accountId, cycle]);
      const month = months.get(key) ?? { organizationId: call.organizationId, accountId, cycle, charge: 0n };
      month.charge += amountNanoUsd;
      months.set(key, month);
    }
  }
  if (months.size === 0) return;
  await insertRows(
    manager,
    'account_usage_month',
    ACCOUNT_MONTH_COLUMNS,
    [...months].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, month]) => month),
    `ON CONFLICT (organization_id, account_id, cycle)
       DO UPDATE SET charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd`,
  );
}

const ACCOUNT_MONTH_COLUMNS: readonly Column<AccountMonth>[] = [
  ['organization_id', 'text', ({ organizationId }) => organizationId],
  ['account_id', 'text', ({ accountId }) => accountId],
  ['cycle', 'date', ({ cycle }) => cycle],
  ['charge_nano_usd', 'bigint', ({ charge }) => charge.toString()],
];

interface KeyUsage {
  readonly organizationId: string;
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cost: bigint;
  charge: bigint;
  lastUsedAt: string;
  lastUsedFrom: string;
}

const KEY_USAGE_COLUMNS: readonly Column<readonly [string, KeyUsage]>[] = [
  ['api_key_id', 'text', ([apiKeyId]) => apiKeyId],
  ['organization_id', 'text', ([, { organizationId }]) => organizationId],
  ['requests', 'bigint', ([, { requests }]) => requests],
  ['input_tokens', 'bigint', ([, { inputTokens }]) => inputTokens],
  ['output_tokens', 'bigint', ([, { outputTokens }]) => outputTokens],
  ['cost_nano_usd', 'bigint', ([, { cost }]) => cost.toString()],
  ['charge_nano_usd', 'bigint', ([, { charge }]) => charge.toString()],
  ['last_used_at', 'timestamptz', ([, { lastUsedAt }]) => lastUsedAt],
  ['last_used_from', 'text', ([, { lastUsedFrom }]) => lastUsedFrom],
];

async function addToKeyUsage(manager: EntityManager, bookings: readonly Booking[]): Promise<void> {
  await insertRows(
    manager,
    'key_usage',
    KEY_USAGE_COLUMNS,
    [...sumByKey(bookings)].sort(([a], [b]) => (a < b ? -1 : 1)),
    `ON CONFLICT (api_key_id) DO UPDATE SET requests = known.requests + EXCLUDED.requests,
       input_tokens = known.input_tokens + EXCLUDED.input_tokens, output_tokens = known.output_tokens + EXCLUDED.output_tokens,
       cost_nano_usd = least(known.cost_nano_usd::numeric + EXCLUDED.cost_nano_usd, ${SUM_MAX})::bigint,
       charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd,
       last_used_at = greatest(known.last_used_at, EXCLUDED.last_used_at),
       last_used_from = CASE WHEN EXCLUDED.last_used_at >= known.last_used_at THEN EXCLUDED.last_used_from ELSE known.last_used_from END`,
  );
}

function sumByKey(bookings: readonly Booking[]): Map<string, KeyUsage> {
  const sums = new Map<string, KeyUsage>();
  for (const { event, chargeNanoUsd } of bookings) {
    const sum = sums.get(event.apiKeyId) ?? {
      organizationId: event.organizationId,
      requests: 0,
      inputTokens: 0,
      outputTokens: 0,
      cost: 0n,
      charge: 0n,
      lastUsedAt: event.endedAt,
      lastUsedFrom: event.clientAddress,
    };
    sum.requests += 1;
    sum.inputTokens += event.inputTokens;
    sum.outputTokens += event.outputTokens;
    // The sum is cut at the maximum: absurd reports of a provider must not make it overflow the column.
    sum.cost += BigInt(event.costNanoUsd);
    if (sum.cost > SUM_MAX) sum.cost = SUM_MAX;
    sum.charge += chargeNanoUsd;
    // All moments are RFC 3339 in UTC with milliseconds, so comparing the texts compares the times.
    if (event.endedAt >= sum.lastUsedAt)
      Object.assign(sum, { lastUsedAt: event.endedAt, lastUsedFrom: event.clientAddress });
    sums.set(event.apiKeyId, sum);
  }
  return sums;
}

/** Stores the highest number booked of each journal, for each organisation. Index: journal_progress_pk. */
export async function advanceJournals(manager: EntityManager, events: readonly UsageRecorded[]): Promise<void> {
  const highest = new Map<string, { organizationId: string; journalId: string; number: number }>();
  for (const { organizationId, journalId, journalNumber: number } of events) {
    const key = JSON.stringify([organizationId, journalId]);
    if ((highest.get(key)?.number ?? 0) < number) highest.set(key, { organizationId, journalId, number });
  }
  await insertRows(
    manager,
    'journal_progress',
    [
      [
        'organization_id',
        'text',
        (row: { organizationId: string; journalId: string; number: number }) => row.organizationId,
      ],
      ['journal_id', 'text', (row) => row.journalId],
      ['number', 'bigint', (row) => row.number],
    ],
    [...highest.values()],
    'ON CONFLICT (organization_id, journal_id) DO UPDATE SET number = greatest(known.number, EXCLUDED.number)',
  );
}

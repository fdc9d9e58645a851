import { formatUsd } from '@tollgate/credit';
import { z } from 'zod';
import { placeOf } from '../compare-usage/usage-differences.js';
import { COMPARED_SUMS, type ComparedSum } from '../compare-usage/usage-books.js';
import type { LastingUsageDifference } from '../compare-usage/usage-check-store.js';
import type { LastingDifference, ReconciliationState } from './reconciliation-store.js';

const usd = z.string().describe('Decimal USD, exact.');
const moment = z.string().meta({ format: 'date-time' });

/** The sums that usage is compared by, as the usage API calls them. */
const SUM_NAMES = {
  requests: 'requests',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
  cost_nano_usd: 'provider_cost_usd',
  charge_nano_usd: 'charge_usd',
} as const satisfies Record<ComparedSum, string>;

const difference = z
  .object({
    organization_id: z.string(),
    account_id: z.string().nullable().describe('The account whose balance was compared; null for usage of a time.'),
    where: z
      .string()
      .describe(
        'What does not agree. Of an account, with what the ledger posted: its `transfers`, the sums of usage `events`, ' +
          '`admission`; `holds` where admission holds another amount than its open holds say. Of a time, with what most ' +
          'sums say: a single `event`, the `transfers` of events, or `usage`, which is a sum that usage or a statement ' +
          'is read from.',
      ),
    month: z.string().nullable().describe('The month, in UTC, such as `2026-11`; null for an account.'),
    from: moment.nullable().describe('Where the time begins: a month, a day, or a part of a day; null for an account.'),
    to: moment.nullable().describe('Where the time ends.'),
    roll_up: z
      .string()
      .nullable()
      .describe('The table of sums that differs, with its grain, such as `usage_day.full`; null where none does.'),
    sums: z
      .array(z.enum(COMPARED_SUMS.map((sum) => SUM_NAMES[sum])))
      .readonly()
      .describe('Which sums of a time differ.'),
    ledger_usd: usd.describe('What is posted to the account; of a time what most sums say was charged.'),
    transfers_usd: usd.nullable().describe('What the charges add up to; null if they were not summed up.'),
    events_usd: usd.nullable().describe('What the usage events charged in the time; null if that was not summed up.'),
    admission_usd: usd.nullable().describe('What admission has posted to it; null if it does not know the account.'),
    held_usd: usd.nullable().describe('What admission holds on it for calls under way.'),
    difference_usd: usd.describe('How much the ledger has above the other side; negative if it has less.'),
    difference_requests: z
      .int()
      .nullable()
      .describe('How many requests most sums of a time have more than the one that differs; null for amounts alone.'),
    first_seen_at: moment,
  })
  .meta({ id: 'ReconciliationDifference' });

/** The reply of `GET /v1/reconciliation`. */
export const reconciliationReply = z
  .object({
    object: z.literal('reconciliation'),
    differences: z.array(difference).readonly().describe('At most 1,000, the oldest first.'),
    checked_at: moment.nullable().describe('When the last check ended; null before the first.'),
    checked_accounts: z.int().min(0).describe('How many accounts the last check compared.'),
    pass_ended_at: moment
      .nullable()
      .describe('When the slow pass, which reads all transfers of all accounts, last reached the end.'),
    usage_pass_ended_at: moment
      .nullable()
      .describe('When the slow pass over all usage events that are kept, and all roll-ups, last reached the end.'),
  })
  .meta({
    id: 'Reconciliation',
    examples: [
      {
        object: 'reconciliation',
        differences: [
          {
            organization_id: 'default',
            account_id: 'key:0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
            where: 'admission',
            month: null,
            from: null,
            to: null,
            roll_up: null,
            sums: [],
            ledger_usd: '1.25',
            transfers_usd: '1.25',
            events_usd: '1.25',
            admission_usd: '1.5',
            held_usd: '0',
            difference_usd: '-0.25',
            difference_requests: null,
            first_seen_at: '2026-12-01T09:30:00.000Z',
          },
          {
            organization_id: 'default',
            account_id: null,
            where: 'usage',
            month: '2026-11',
            from: '2026-11-28T00:00:00.000Z',
            to: '2026-11-29T00:00:00.000Z',
            roll_up: 'usage_day.full',
            sums: ['charge_usd'],
            ledger_usd: '1.25',
            transfers_usd: '1.25',
            events_usd: '1.25',
            admission_usd: null,
            held_usd: null,
            difference_usd: '-0.001',
            difference_requests: 0,
            first_seen_at: '2026-12-01T09:30:00.000Z',
          },
        ],
        checked_at: '2026-12-01T09:31:00.000Z',
        checked_accounts: 812,
        pass_ended_at: '2026-12-01T09:12:00.000Z',
        usage_pass_ended_at: '2026-12-01T09:30:00.000Z',
      },
    ],
  });
export type ReconciliationObject = Readonly<z.input<typeof reconciliationReply>>;

/** A difference of an account as the API shows it. */
const differenceObject = (each: LastingDifference): ReconciliationObject['differences'][number] => ({
  organization_id: each.organizationId,
  account_id: each.accountId,
  where: each.place,
  ...{ month: null, from: null, to: null, roll_up: null, sums: [], difference_requests: null },
  ledger_usd: formatUsd(each.ledgerNanoUsd),
  transfers_usd: usdOrNull(each.transfersNanoUsd),
  events_usd: usdOrNull(each.eventsNanoUsd),
  admission_usd: usdOrNull(each.admissionNanoUsd),
  held_usd: usdOrNull(each.heldNanoUsd),
  difference_usd: formatUsd(each.differenceNanoUsd),
  first_seen_at: each.firstSeenAt.toISOString(),
});

/** A difference of a time as the API shows it. */
const usageDifferenceObject = (each: LastingUsageDifference): ReconciliationObject['differences'][number] => ({
  organization_id: each.organizationId,
  account_id: null,
  where: placeOf(each.book),
  month: new Date(each.fromMs).toISOString().slice(0, 7),
  from: new Date(each.fromMs).toISOString(),
  to: new Date(each.toMs).toISOString(),
  roll_up: placeOf(each.book) === 'usage' ? each.book : null,
  sums: each.sums.map((sum) => SUM_NAMES[sum]),
  ledger_usd: formatUsd(each.chargeNanoUsd),
  transfers_usd: usdOrNull(each.transfersNanoUsd),
  events_usd: usdOrNull(each.eventsNanoUsd),
  admission_usd: null,
  held_usd: null,
  difference_usd: formatUsd(each.chargeNanoUsd - each.hasChargeNanoUsd),
  difference_requests: each.hasRequests === null ? null : Number(each.requests - each.hasRequests),
  first_seen_at: each.firstSeenAt.toISOString(),
});

/** At most so many differences are shown. */
const SHOWN_MAX = 1_000;

/** What was compared last, and what differs of accounts and of usage. */
export const reconciliationObject = (
  differences: readonly LastingDifference[],
  ofUsage: readonly LastingUsageDifference[],
  { checkedAt, checkedAccounts, passEndedAt, usagePassEndedAt }: ReconciliationState,
): ReconciliationObject => ({
  object: 'reconciliation',
  differences: [...differences.map(differenceObject), ...ofUsage.map(usageDifferenceObject)]
    .sort((one, other) =>
      one.first_seen_at < other.first_seen_at ? -1 : one.first_seen_at > other.first_seen_at ? 1 : 0,
    )
    .slice(0, SHOWN_MAX),
  checked_at: checkedAt?.toISOString() ?? null,
  checked_accounts: checkedAccounts,
  pass_ended_at: passEndedAt?.toISOString() ?? null,
  usage_pass_ended_at: usagePassEndedAt?.toISOString() ?? null,
});

const usdOrNull = (nanoUsd: bigint | null): string | null => (nanoUsd === null ? null : formatUsd(nanoUsd));

import { formatUsd } from '@tollgate/credit';
import { z } from 'zod';
import type { LastingDifference, ReconciliationState } from './reconciliation-store.js';

const usd = z.string().describe('Decimal USD, exact.');
const moment = z.string().meta({ format: 'date-time' });

const difference = z
  .object({
    organization_id: z.string(),
    account_id: z.string(),
    where: z
      .string()
      .describe(
        'What the ledger does not agree with: `transfers`, `events` or `admission`; `holds` where admission holds ' +
          'another amount than its open holds say.',
      ),
    ledger_usd: usd.describe('What is posted to the account.'),
    transfers_usd: usd.nullable().describe('What its charges add up to; null if they were not summed up.'),
    events_usd: usd.nullable().describe('What the usage events charged in its period; null if that was not summed up.'),
    admission_usd: usd.nullable().describe('What admission has posted to it; null if it does not know the account.'),
    held_usd: usd.nullable().describe('What admission holds on it for calls under way.'),
    difference_usd: usd.describe('How much the ledger has above the other side; negative if it has less.'),
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
            ledger_usd: '1.25',
            transfers_usd: '1.25',
            events_usd: '1.25',
            admission_usd: '1.5',
            held_usd: '0',
            difference_usd: '-0.25',
            first_seen_at: '2026-12-01T09:30:00.000Z',
          },
        ],
        checked_at: '2026-12-01T09:31:00.000Z',
        checked_accounts: 812,
        pass_ended_at: '2026-12-01T09:12:00.000Z',
      },
    ],
  });
export type ReconciliationObject = Readonly<z.input<typeof reconciliationReply>>;

/** A difference as the API shows it. */
const differenceObject = (each: LastingDifference): ReconciliationObject['differences'][number] => ({
  organization_id: each.organizationId,
  account_id: each.accountId,
  where: each.place,
  ledger_usd: formatUsd(each.ledgerNanoUsd),
  transfers_usd: usdOrNull(each.transfersNanoUsd),
  events_usd: usdOrNull(each.eventsNanoUsd),
  admission_usd: usdOrNull(each.admissionNanoUsd),
  held_usd: usdOrNull(each.heldNanoUsd),
  difference_usd: formatUsd(each.differenceNanoUsd),
  first_seen_at: each.firstSeenAt.toISOString(),
});

/** What was compared last, and what differs. */
export const reconciliationObject = (
  differences: readonly LastingDifference[],
  { checkedAt, checkedAccounts, passEndedAt }: ReconciliationState,
): ReconciliationObject => ({
  object: 'reconciliation',
  differences: differences.map(differenceObject),
  checked_at: checkedAt?.toISOString() ?? null,
  checked_accounts: checkedAccounts,
  pass_ended_at: passEndedAt?.toISOString() ?? null,
});

const usdOrNull = (nanoUsd: bigint | null): string | null => (nanoUsd === null ? null : formatUsd(nanoUsd));

import { formatUsd } from '@tollgate/credit';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { LedgerAccount, LedgerTransfer } from './ledger-accounts.js';

const usd = z.string().describe('Decimal USD, exact.');
const moment = z.string().meta({ format: 'date-time' });
const ID = 'key:0b4f2f5e-7f5c-4d0e-9a77-0123456789ab:daily:2026-12-01';

const account = z
  .object({
    object: z.literal('ledger_account'),
    id: z.string(),
    kind: z
      .string()
      .describe(
        '`key`, `organization`, `group`, `project`, `grant`, `subscription`, `payg`, and `fees` for the prices of subscriptions.',
      ),
    owner_id: z.string().describe('The key, group or other thing that it caps.'),
    reset: z.string().describe('`never`, `daily`, `weekly`, `monthly` or `subscription`.'),
    cycle: z
      .object({ starts_at: moment, ends_at: moment })
      .nullable()
      .describe('Null for an account that is for good.'),
    cap_usd: usd
      .nullable()
      .describe(
        'The limit as it is now, with a raise that has not ended; of a cycle that has ended, its last one. Null without a limit: it was taken away, or begins anew in another way, on another account.',
      ),
    posted_usd: usd.describe('What was charged to it.'),
    held_usd: usd.describe('What calls under way hold on it.'),
    remaining_usd: usd
      .nullable()
      .describe(
        'What calls can still use of the limit, what calls in flight hold taken off, as the key, budget or other thing shows it, too. 0 for a cycle that has ended; null without a limit.',
      ),
  })
  .meta({ id: 'LedgerAccount' });
type LedgerAccountObject = Readonly<z.input<typeof account>>;

/** One page of accounts. */
export const ledgerAccountListReply = listReply('LedgerAccountList', account, {
  object: 'ledger_account',
  id: ID,
  kind: 'key',
  owner_id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  reset: 'daily',
  cycle: { starts_at: '2026-12-01T00:00:00.000Z', ends_at: '2026-12-02T00:00:00.000Z' },
  cap_usd: '25',
  posted_usd: '3.0001194',
  held_usd: '0.0006618',
  remaining_usd: '21.9992188',
});
export type LedgerAccountList = Readonly<z.input<typeof ledgerAccountListReply>>;

const transfer = z
  .object({
    object: z.literal('transfer'),
    id: z.string(),
    account_id: z.string(),
    kind: z
      .string()
      .describe(
        '`post` is a charge, `void` a hold that was given back without one, `adjust` a charge after that, `opening` ' +
          'what was charged before the limit, `grant` credit that was given, `expire` what lapsed of it, `fee` a price. ' +
          'What lapses is gone from its `expires_at` on; its transfer is written when no call holds it any more. ' +
          '`correct` is the difference where a call that was charged as its gateway had left it turned out to have ' +
          'ended otherwise, `refund` a price that is not owed; both may be less than zero.',
      ),
    request_id: z.string().nullable().describe('The `x-request-id` of the call; null where there was none.'),
    amount_usd: usd,
    note: z.string().nullable(),
    created_at: moment,
  })
  .meta({ id: 'Transfer' });
type TransferObject = Readonly<z.input<typeof transfer>>;

/** One page of transfers. */
export const transferListReply = listReply('TransferList', transfer, {
  object: 'transfer',
  id: '0199f0a3-5c1e-7b3a-9d2f-3b1c5a7e9f10.post',
  account_id: ID,
  kind: 'post',
  request_id: '0199f0a3-5c1e-7b3a-9d2f-3b1c5a7e9f10',
  amount_usd: '0.0001194',
  note: null,
  created_at: '2026-12-01T09:30:00.000Z',
});
export type TransferList = Readonly<z.input<typeof transferListReply>>;

/** Kinds whose transfers are of a call. */
const OF_CALLS: ReadonlySet<string> = new Set(['post', 'void', 'adjust', 'correct']);

/** An account as the API shows it. */
export function ledgerAccountObject(each: LedgerAccount): LedgerAccountObject {
  const { cycleStartsAt, cycleEndsAt, capNanoUsd, remainingNanoUsd } = each;
  return {
    object: 'ledger_account',
    id: each.accountId,
    kind: each.kind,
    owner_id: each.ownerId,
    reset: each.reset,
    cycle:
      cycleStartsAt === null || cycleEndsAt === null
        ? null
        : { starts_at: cycleStartsAt.toISOString(), ends_at: cycleEndsAt.toISOString() },
    cap_usd: capNanoUsd === null ? null : formatUsd(capNanoUsd),
    posted_usd: formatUsd(each.postedNanoUsd),
    held_usd: formatUsd(each.heldNanoUsd),
    remaining_usd: remainingNanoUsd === null ? null : formatUsd(remainingNanoUsd),
  };
}

/** A transfer as the API shows it. */
export const transferObject = (accountId: string, each: LedgerTransfer): TransferObject => ({
  object: 'transfer',
  id: `${each.transferId}.${each.kind}`,
  account_id: accountId,
  kind: each.kind,
  request_id: OF_CALLS.has(each.kind) ? each.transferId : null,
  amount_usd: formatUsd(each.amountNanoUsd),
  note: each.note,
  created_at: each.createdAt.toISOString(),
});

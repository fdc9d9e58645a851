import {
  cycleOf,
  inCycle,
  paygAccountId,
  subscriptionCycleAt,
  type CreditCycle,
  type CycleReset,
} from '@tollgate/api-key';
import { CALL_MS_MAX } from '../../ledger/account.js';

/** A limit of a key, an organisation or pay-as-you-go, as it was told of last. Amounts are nano-USD. */
export interface WatchedLimit {
  readonly organizationId: string;
  /** `key:ID`, `organization:ID` or `payg:ID`: its account, without a cycle. */
  readonly limitId: string;
  /** Of what is told of one limit the highest version counts. */
  readonly version: number;
  /** Without a raise; null for no limit. */
  readonly capNanoUsd: bigint | null;
  readonly reset: CycleReset;
  /** From which the cycles of a subscription are counted, in milliseconds since 1970; null for any other limit. */
  readonly anchorMs: number | null;
  readonly raise: { readonly amountNanoUsd: bigint; readonly until: Date } | null;
}

/** The account of a limit at `now`, and its period. */
export function accountNow(
  { limitId, reset, anchorMs }: Pick<WatchedLimit, 'limitId' | 'reset' | 'anchorMs'>,
  now: Date,
): { readonly accountId: string; readonly cycle: CreditCycle } {
  if (reset !== 'subscription') {
    const cycle = cycleOf(reset, now.getTime());
    return { accountId: inCycle(limitId, cycle), cycle };
  }
  const { startMs, endMs } = subscriptionCycleAt(anchorMs ?? 0, now.getTime());
  return {
    accountId: paygAccountId(limitId.slice('payg:'.length), { startMs, endMs }),
    cycle: { reset, startMs, endMs },
  };
}

/** The shortest time between two looks at one limit. */
const AGAIN_MS_MIN = 30_000;

/**
 * When a limit is looked at next, after `now`; null if there is nothing more to see. A call that was under way when it
 * was changed is booked later, under the limit of before: so it is looked at again for as long as a call lasts, ever
 * more seldom, and the same after the end of its raise.
 */
export function nextLook({ raise }: Pick<WatchedLimit, 'raise'>, notedAt: Date, now: Date): Date | null {
  const [nowMs, untilMs] = [now.getTime(), raise?.until.getTime() ?? -Infinity];
  const sinceMs = nowMs - Math.max(notedAt.getTime(), untilMs <= nowMs ? untilMs : -Infinity);
  const again = sinceMs < CALL_MS_MAX ? nowMs + Math.max(AGAIN_MS_MIN, sinceMs) : Infinity;
  const next = Math.min(again, untilMs > nowMs ? untilMs : Infinity);
  return next === Infinity ? null : new Date(next);
}

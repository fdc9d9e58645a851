import { kindOfAccount } from '@tollgate/api-key';
import type { UsageRecorded } from '@tollgate/contracts';
import { splitCharge, type HeldPart } from '@tollgate/credit';
import { roomIn, type AccountState } from '../account.js';

/** An account that an event names, before the event is charged to it. */
export interface TouchedAccount {
  readonly accountId: string;
  /** The cap that the event was admitted under; null for none. */
  readonly cap: bigint | null;
  /** Whether the event's hold stood on it. */
  readonly held: boolean;
  /** The part of the hold that stood on it, of a grant; null for an account that takes the whole charge. */
  readonly part: bigint | null;
  readonly state: AccountState;
  /** What was taken back from it, of an orphan's event whose place the event takes: that much is its own. */
  readonly freedNanoUsd: bigint;
}

/**
 * How an event is charged: from its hold, after that was given back as an orphan's (`adjust`), or in the place of an
 * orphan's event (`correct`).
 */
export type BookingKind = 'post' | 'adjust' | 'correct';

/** What is charged for an event. */
interface SharedCharge {
  readonly chargeNanoUsd: bigint;
  /** By account, in their order. */
  readonly charges: readonly HeldPart[];
  /** Whether settling the hold with this charge posts the same to the same accounts. */
  readonly isAsHeld: boolean;
}

/**
 * Bounds what is owed by what each account has room for, and shares it among the grants that were held on, in their
 * order: each pays at most its part, and at most what it has room for.
 */
export function shareCharge(kind: BookingKind, owedNanoUsd: bigint, accounts: readonly TouchedAccount[]): SharedCharge {
  const grants = accounts.filter(({ part }) => part !== null);
  const parts = grants.map(({ accountId, part }) => ({ accountId, amountNanoUsd: part! }));
  const payable = grants.map((grant) => ({
    accountId: grant.accountId,
    amountNanoUsd: least(grant.part!, roomFor(kind, grant)),
  }));
  const whole = accounts.filter(({ part }) => part === null).map((account) => roomFor(kind, account));
  const chargeNanoUsd = least(owedNanoUsd, ...whole, payable.length === 0 ? null : sumOf(payable));
  const shares = new Map(splitCharge(chargeNanoUsd, payable).map((share) => [share.accountId, share.amountNanoUsd]));
  const isSplitAsHeld = splitCharge(chargeNanoUsd, parts).every(
    ({ accountId, amountNanoUsd }) => shares.get(accountId) === amountNanoUsd,
  );
  return {
    chargeNanoUsd,
    charges: accounts.map(({ accountId }) => ({ accountId, amountNanoUsd: shares.get(accountId) ?? chargeNanoUsd })),
    isAsHeld: chargeNanoUsd === owedNanoUsd && isSplitAsHeld,
  };
}

/**
 * What may still be charged to an account that the event had a cap for; null for any sum. What a released hold had set
 * aside is gone: then only what its cap leaves is owed, but never less than what was taken back.
 */
function roomFor(kind: BookingKind, { cap, state, freedNanoUsd }: TouchedAccount): bigint | null {
  if (cap === null) return null;
  const room = roomIn(state);
  if (kind === 'post') return room;
  const below = cap - state.postedNanoUsd;
  const left = below > freedNanoUsd ? below : freedNanoUsd;
  return room === null ? left : least(left, room);
}

/** The part of the hold that stands on an account of an event; null if the whole hold does. */
export function heldPart(account: UsageRecorded['accounts'][number]): bigint | null {
  const held = 'heldNanoUsd' in account ? account.heldNanoUsd : undefined;
  return held === undefined ? null : BigInt(held);
}

/**
 * Whether a call that held `hold` (null for none) held credit on an account that its event names. Nothing is charged to
 * a grant beyond it, so a charge on one never counts as made without a hold.
 */
export function wasHeld({ accountId, capNanoUsd }: UsageRecorded['accounts'][number], hold: string | null): boolean {
  return capNanoUsd !== null && (hold !== null || kindOfAccount(accountId) === 'grant');
}

/** The least of amounts; null is no bound. */
export function least(first: bigint, ...others: readonly (bigint | null)[]): bigint {
  return others.reduce<bigint>((smallest, other) => (other !== null && other < smallest ? other : smallest), first);
}

const sumOf = (parts: readonly HeldPart[]): bigint => parts.reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);

/** Prepaid credit that the operator gave to an organisation once. Amounts are nano-USD. */
export interface Grant {
  readonly organizationId: string;
  readonly id: string;
  readonly amountNanoUsd: bigint;
  /** When what is left of it lapses; null for never. */
  readonly expiresAt: Date | null;
  readonly description: string | null;
  readonly createdAt: Date;
  /** What of it the ledger has as lapsed. */
  readonly expiredNanoUsd: bigint;
  readonly endedByHand: boolean;
  /** Whether gateways hear of it. */
  readonly live: boolean;
  /** Since when it does not change any more; null while it may. */
  readonly closedAt: Date | null;
}

/** The most grants of an organisation that are open at once: all stand in the one record that gateways keep. */
export const LIVE_GRANTS_MAX = 100;

/** What has become of a grant: the four add up to its amount, always. */
export interface GrantBalance {
  readonly spentNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  readonly expiredNanoUsd: bigint;
  readonly leftNanoUsd: bigint;
}

/** What is shown of the course of a grant. */
export const GRANT_STATES = ['active', 'used_up', 'expired'] as const;
export type GrantState = (typeof GRANT_STATES)[number];

/** Expiry is by the clock: at `expiresAt` itself it has expired. */
export function hasExpired({ expiresAt }: Pick<Grant, 'expiresAt'>, now: Date): boolean {
  return expiresAt !== null && expiresAt <= now;
}

/**
 * What has become of a grant at `now`. Expiry takes what it has left and un-held at once; what calls in flight hold on
 * it they are still charged, and what they give back lapses too.
 */
export function balanceOf(
  grant: Pick<Grant, 'amountNanoUsd' | 'expiresAt' | 'expiredNanoUsd'>,
  account: { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint },
  now: Date,
): GrantBalance {
  const { amountNanoUsd, expiredNanoUsd: lapsed } = grant;
  const spent = least(account.postedNanoUsd, amountNanoUsd);
  const held = least(account.heldNanoUsd, amountNanoUsd - spent);
  const rest = amountNanoUsd - spent - held;
  const expired = hasExpired(grant, now) ? rest : least(lapsed, rest);
  return { spentNanoUsd: spent, heldNanoUsd: held, expiredNanoUsd: expired, leftNanoUsd: rest - expired };
}

/** A grant of which nothing is left, and nothing lapsed, is used up, also after its expiry. */
export function stateOf({ leftNanoUsd, heldNanoUsd, expiredNanoUsd }: GrantBalance, expired: boolean): GrantState {
  if (expired) return expiredNanoUsd > 0n || heldNanoUsd > 0n ? 'expired' : 'used_up';
  return leftNanoUsd > 0n || heldNanoUsd > 0n ? 'active' : 'used_up';
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

import { cycleOfAccount, kindOfAccount, limitOf, type CreditCycle } from '@tollgate/api-key';

/** No call holds credit for so long. */
export const CALL_MS_MAX = 3_600_000;

/** The account that takes losses which no customer pays. It belongs to no organisation. */
export const PLATFORM = 'platform';

/** An account of the ledger. Amounts are nano-USD. */
export interface AccountState {
  readonly organizationId: string;
  /** The key whose limit it caps; null for the limit of the organisation. */
  readonly apiKeyId: string | null;
  /** The period whose charges count. */
  readonly cycle: CreditCycle;
  /** The cap that the last event was admitted under; null for none. */
  readonly capNanoUsd: bigint | null;
  readonly postedNanoUsd: bigint;
  /** The part of what is posted for which there was no hold on the account. */
  readonly unheldNanoUsd: bigint;
  /** The most that may be posted; null for an account that never had a limit. */
  readonly ceilingNanoUsd: bigint | null;
  /** The version of the key, or of the organisation, for which it was loaded; 0 if it never was. */
  readonly generation: number;
}

/** Who may have a budget. */
export interface BudgetOwner {
  readonly kind: 'group' | 'project';
  readonly ownerId: string;
}

/** Whose budget an account is of; null for an account of another kind. */
export function budgetOwner(accountId: string): BudgetOwner | null {
  const kind = kindOfAccount(accountId);
  if (kind !== 'group' && kind !== 'project') return null;
  return { kind, ownerId: limitOf(accountId).slice(kind.length + 1) };
}

/** An account to which nothing was charged. Its id says its period. */
export function newAccount(accountId: string, organizationId: string, apiKeyId: string | null): AccountState {
  return {
    organizationId,
    apiKeyId,
    cycle: cycleOfAccount(accountId),
    capNanoUsd: null,
    postedNanoUsd: 0n,
    unheldNanoUsd: 0n,
    ceilingNanoUsd: null,
    generation: 0,
  };
}

/**
 * The ceiling is the highest cap that an event was admitted under. A request that is in flight while the cap is lowered
 * is still owed. Where the limit was set on a key in use, calls without a hold may be booked before those that were
 * admitted without knowing of them: these are owed in full as well.
 */
export function withCap(state: AccountState, cap: bigint | null): AccountState {
  if (cap === null) return { ...state, capNanoUsd: null };
  const floor = state.ceilingNanoUsd ?? state.postedNanoUsd;
  const most = state.generation > 0 ? cap + state.unheldNanoUsd : cap;
  return { ...state, capNanoUsd: cap, ceilingNanoUsd: most > floor ? most : floor };
}

/**
 * A grant is given once, so its ceiling is what was given; from then on it only falls, by what lapses. An event that
 * arrives after that never raises it again.
 */
export function withGrant(state: AccountState, amount: bigint): AccountState {
  const ceilingNanoUsd = state.ceilingNanoUsd ?? (amount > state.postedNanoUsd ? amount : state.postedNanoUsd);
  return { ...state, capNanoUsd: amount, ceilingNanoUsd };
}

/** What can still be posted; null if there is no ceiling. */
export function roomIn({ ceilingNanoUsd, postedNanoUsd }: AccountState): bigint | null {
  return ceilingNanoUsd === null ? null : ceilingNanoUsd - postedNanoUsd;
}

/**
 * Adds a charge. One without a hold on the account raises the ceiling too: holds that were admitted before it are still
 * owed in full.
 */
export function charged(state: AccountState, charge: bigint, held: boolean): AccountState {
  const postedNanoUsd = state.postedNanoUsd + charge;
  if (held) return { ...state, postedNanoUsd };
  return {
    ...state,
    postedNanoUsd,
    unheldNanoUsd: state.unheldNanoUsd + charge,
    ceilingNanoUsd: state.ceilingNanoUsd === null ? null : state.ceilingNanoUsd + charge,
  };
}

/** The account without a charge that is taken back, as if it had never been made. */
export function takenBack(state: AccountState, charge: bigint, held: boolean): AccountState {
  const postedNanoUsd = state.postedNanoUsd - charge;
  if (held) return { ...state, postedNanoUsd };
  const { unheldNanoUsd, ceilingNanoUsd } = state;
  const ceiling = ceilingNanoUsd === null ? null : ceilingNanoUsd - charge;
  return {
    ...state,
    postedNanoUsd,
    unheldNanoUsd: unheldNanoUsd > charge ? unheldNanoUsd - charge : 0n,
    ceilingNanoUsd: ceiling !== null && ceiling < postedNanoUsd ? postedNanoUsd : ceiling,
  };
}

/**
 * The account once it counts all that was charged in its period, `total`, and for which version. What it did not count
 * yet was charged without a hold on it. An account that never had a limit had no holds at all, whoever booked it.
 */
export function loaded(state: AccountState, total: bigint, generation: number): AccountState {
  const posted = total > state.postedNanoUsd ? total : state.postedNanoUsd;
  const opening = posted - state.postedNanoUsd;
  return {
    ...state,
    postedNanoUsd: posted,
    unheldNanoUsd: state.ceilingNanoUsd === null ? posted : state.unheldNanoUsd + opening,
    ceilingNanoUsd: (state.ceilingNanoUsd ?? state.postedNanoUsd) + opening,
    generation: Math.max(state.generation, generation),
  };
}

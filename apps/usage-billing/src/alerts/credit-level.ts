import { kindOfAccount } from '@tollgate/api-key';
import type { AccountState } from '../ledger/account.js';

/** The levels that can be told of, in per cent of a limit. */
export const LEVELS = [50, 80, 90, 100] as const;
export type Level = (typeof LEVELS)[number];

/** A level that an account has reached, and by what. Amounts are nano-USD. */
export interface Crossing {
  readonly organizationId: string;
  readonly accountId: string;
  /** The key whose limit it is; null for another account. */
  readonly apiKeyId: string | null;
  /** The highest one: those below it were crossed with it, or before. */
  readonly level: Level;
  /** `refused`: a call was refused for want of credit, whatever is posted. */
  readonly reason: 'posted' | 'refused';
  readonly usedNanoUsd: bigint;
  readonly limitNanoUsd: bigint;
  /** The call that was refused; null if none was. */
  readonly refusedCall: RefusedCall | null;
}

/** A call that was refused for want of credit. Amounts are nano-USD. */
export interface RefusedCall {
  /** The most that it could have cost. */
  readonly askedNanoUsd: bigint;
  /** What was left beside what calls in flight held; null where that is not known. */
  readonly leftNanoUsd: bigint | null;
}

/** An account without cycles that has more room again: the levels above `level` can be crossed once more. */
export interface ArmedAgain {
  readonly accountId: string;
  readonly level: Level | 0;
  /** Only what was told of a lower limit than this one, in nano-USD; absent for all. */
  readonly belowNanoUsd?: bigint;
}

/** What a change of accounts means for their alerts. */
export interface LevelChanges {
  readonly crossings: readonly Crossing[];
  readonly armedAgain: readonly ArmedAgain[];
}

/** The highest level that is reached; 0 for none. Nothing is reached of no limit, and by nothing. */
export function levelOf(usedNanoUsd: bigint, limitNanoUsd: bigint | null): Level | 0 {
  if (limitNanoUsd === null || usedNanoUsd <= 0n) return 0;
  return LEVELS.findLast((level) => usedNanoUsd * 100n >= limitNanoUsd * BigInt(level)) ?? 0;
}

/** How much of an account was used of which limit. */
export interface Filling {
  readonly organizationId: string;
  readonly apiKeyId: string | null;
  readonly postedNanoUsd: bigint;
  readonly capNanoUsd: bigint | null;
  /** Whether its period never ends. */
  readonly forGood: boolean;
}

/**
 * What a refusal means for the alerts of an account: all that it may give is used, as far as calls like that one are
 * concerned. A higher limit than the one that was told of before arms an account without cycles again.
 */
export function refusedChange(crossing: Omit<Crossing, 'level' | 'reason'>, forGood: boolean): LevelChanges {
  const { accountId, usedNanoUsd, limitNanoUsd } = crossing;
  const level = levelOf(usedNanoUsd, limitNanoUsd);
  return {
    crossings: [{ ...crossing, level: 100, reason: 'refused' }],
    armedAgain: forGood ? [{ accountId, level, belowNanoUsd: limitNanoUsd }] : [],
  };
}

/** Several changes as one. */
export function together(changes: readonly LevelChanges[]): LevelChanges {
  return {
    crossings: changes.flatMap(({ crossings }) => crossings),
    armedAgain: changes.flatMap(({ armedAgain }) => armedAgain),
  };
}

/** What the change of one account means for its alerts; `before` is null for an account that was not there. */
export function levelChangeOf(accountId: string, before: Filling | null, after: Filling): LevelChanges {
  const was = before === null ? 0 : levelOf(before.postedNanoUsd, before.capNanoUsd);
  const level = levelOf(after.postedNanoUsd, after.capNanoUsd);
  const armedAgain = after.forGood && (level < was || isRaised(before, after)) ? [{ accountId, level }] : [];
  if (level <= was || level === 0 || after.capNanoUsd === null) return { crossings: [], armedAgain };
  const { organizationId, apiKeyId, postedNanoUsd: usedNanoUsd, capNanoUsd: limitNanoUsd } = after;
  return {
    crossings: [
      { organizationId, accountId, apiKeyId, level, reason: 'posted', usedNanoUsd, limitNanoUsd, refusedCall: null },
    ],
    armedAgain,
  };
}

/** Also where the level stays: a call may have been refused below the limit of before. */
function isRaised(before: Filling | null, after: Filling): boolean {
  if (before?.capNanoUsd == null) return false;
  return after.capNanoUsd === null || after.capNanoUsd > before.capNanoUsd;
}

/**
 * What a booking means for the alerts of the accounts that it touches. Single grants are left out.
 */
export function levelChanges(
  before: ReadonlyMap<string, AccountState>,
  after: ReadonlyMap<string, AccountState>,
): LevelChanges {
  const changes = [...after].flatMap(([accountId, state]) => {
    if (state.capNanoUsd === null && before.get(accountId)?.capNanoUsd == null) return [];
    if (kindOfAccount(accountId) === 'grant') return [];
    const known = before.get(accountId);
    return [levelChangeOf(accountId, known === undefined ? null : fillingOf(known), fillingOf(state))];
  });
  return together(changes);
}

const fillingOf = ({ organizationId, apiKeyId, postedNanoUsd, capNanoUsd, cycle }: AccountState): Filling => ({
  organizationId,
  apiKeyId,
  postedNanoUsd,
  capNanoUsd,
  forGood: cycle.reset === 'never',
});

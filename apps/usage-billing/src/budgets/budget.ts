import { budgetAccountId, cycleOf, type CreditCycle, type CreditReset } from '@tollgate/api-key';

/** The kinds of what has a budget. */
export type BudgetKind = 'group' | 'project';

/** The most budgets of an organisation: all stand in the one record that gateways keep. */
export const BUDGETS_MAX = 200;

/** What the keys of a group or of a project may spend together in each cycle. */
export interface Budget {
  readonly organizationId: string;
  readonly id: string;
  readonly kind: BudgetKind;
  /** The id of the group or the project. */
  readonly ownerId: string;
  readonly capNanoUsd: bigint;
  readonly reset: CreditReset;
  /** The version of the organisation's terms from which on it counts what the ledger has. */
  readonly generation: number;
  /** More than the cap until a moment; null for none. One that has ended stays until the next is set. */
  readonly raise: { readonly amountNanoUsd: bigint; readonly until: Date } | null;
  readonly createdAt: Date;
  /** 1 at creation; each change adds one. */
  readonly version: number;
}

/** What a change of a budget says; what is left out stays as it is. */
export interface BudgetChange {
  readonly capNanoUsd?: bigint;
  readonly reset?: CreditReset;
  readonly raise?: Budget['raise'];
}

/** The cycle that `now` lies in. It follows from the clock alone, however the budget was changed. */
export const cycleAt = ({ reset }: Pick<Budget, 'reset'>, now: Date): CreditCycle => cycleOf(reset, now.getTime());

/** The account of the budget at `now`. */
export const accountAt = (budget: Pick<Budget, 'kind' | 'ownerId' | 'reset'>, now: Date): string =>
  budgetAccountId(budget.kind, budget.ownerId, cycleAt(budget, now));

/** What may be spent in the cycle, with a raise that has not ended. */
export function capAt({ capNanoUsd, raise }: Pick<Budget, 'capNanoUsd' | 'raise'>, now: Date): bigint {
  return raise !== null && raise.until > now ? capNanoUsd + raise.amountNanoUsd : capNanoUsd;
}

/**
 * The budget with a change; null where nothing changes. `termsVersion` is the version of the organisation's terms that
 * tells gateways of it: with another reset the budget counts anew what the ledger has of the present cycle, so that
 * there and back refreshes nothing.
 */
export function edited(budget: Budget, change: BudgetChange, termsVersion: number): Budget | null {
  const { capNanoUsd = budget.capNanoUsd, reset = budget.reset, raise = budget.raise } = change;
  const isSame =
    capNanoUsd === budget.capNanoUsd &&
    reset === budget.reset &&
    raise?.amountNanoUsd === budget.raise?.amountNanoUsd &&
    raise?.until.getTime() === budget.raise?.until.getTime();
  if (isSame) return null;
  const generation = reset === budget.reset ? budget.generation : termsVersion;
  return { ...budget, capNanoUsd, reset, raise, generation, version: budget.version + 1 };
}

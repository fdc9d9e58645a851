import { Injectable } from '@nestjs/common';
import type { AccountBalance } from '@tollgate/credit';
import { AccountBalances } from '../balances/account-balances.js';
import { budgetObject, type BudgetObject } from './budget.reply.js';
import { BudgetStore } from './budget-store.js';
import { accountAt, cycleAt, type Budget } from './budget.js';
import type { NewBudget } from './set-budgets.js';

/** Shows budgets with what is used of them now. */
@Injectable()
export class ShowBudgets {
  constructor(
    private readonly store: BudgetStore,
    private readonly balances: AccountBalances,
  ) {}

  /** Budgets of one organisation as replies show them at `now`. */
  async shown(organizationId: string, budgets: readonly Budget[], now: Date): Promise<BudgetObject[]> {
    const balances = await this.balancesOf(organizationId, budgets, now);
    return budgets.map((budget, n) => budgetObject(budget, balances[n]!, now));
  }

  /**
   * What is used of budgets of one organisation at `now`, in their order. An account that was loaded since the budget
   * was set counts by itself; before that nobody has used the budget, and what was charged in the cycle is what the
   * ledger has.
   */
  async balancesOf(organizationId: string, budgets: readonly Budget[], now: Date): Promise<AccountBalance[]> {
    const balanceOf = await this.balances.of(
      organizationId,
      budgets.map((budget) => accountAt(budget, now)),
    );
    const used: AccountBalance[] = [];
    for (const budget of budgets) {
      const { postedNanoUsd, heldNanoUsd, generation } = balanceOf(accountAt(budget, now));
      const { startMs, endMs } = cycleAt(budget, now);
      const charged =
        generation >= budget.generation ? postedNanoUsd : await this.store.charged(budget, startMs, endMs);
      used.push({ postedNanoUsd: charged > postedNanoUsd ? charged : postedNanoUsd, heldNanoUsd });
    }
    return used;
  }

  /** A budget as it will be shown when it has been made: nobody has loaded its account for it yet. */
  async asNew(fields: NewBudget): Promise<BudgetObject> {
    const { organizationId, createdAt } = fields;
    const [object] = await this.shown(organizationId, [{ ...fields, generation: Infinity, version: 1 }], createdAt);
    if (object === undefined) throw new Error('a budget was not shown');
    return object;
  }
}

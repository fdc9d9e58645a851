import { Injectable } from '@nestjs/common';
import { AccountBalances } from '../balances/account-balances.js';
import { budgetObject, type BudgetObject } from './budget.reply.js';
import { BudgetStore } from './budget-store.js';
import { accountAt, cycleAt, type Budget } from './budget.js';

/** Shows budgets with what is used of them now. */
@Injectable()
export class ShowBudgets {
  constructor(
    private readonly store: BudgetStore,
    private readonly balances: AccountBalances,
  ) {}

  /**
   * Budgets of one organisation as replies show them at `now`. An account that was loaded since the budget was set
   * counts by itself; before that nobody has used the budget, and what was charged in the cycle is what the ledger has.
   */
  async shown(organizationId: string, budgets: readonly Budget[], now: Date): Promise<BudgetObject[]> {
    const balanceOf = await this.balances.of(
      organizationId,
      budgets.map((budget) => accountAt(budget, now)),
    );
    const shown: BudgetObject[] = [];
    for (const budget of budgets) {
      const { postedNanoUsd, heldNanoUsd, generation } = balanceOf(accountAt(budget, now));
      const { startMs, endMs } = cycleAt(budget, now);
      const charged =
        generation >= budget.generation ? postedNanoUsd : await this.store.charged(budget, startMs, endMs);
      shown.push(budgetObject(budget, charged > postedNanoUsd ? charged : postedNanoUsd, heldNanoUsd, now));
    }
    return shown;
  }
}

import { Injectable } from '@nestjs/common';
import { cycleOfAccount, kindOfAccount, limitOf } from '@tollgate/api-key';
import type { AccountBalancesRequest, ToldBalance } from '@tollgate/contracts';
import { AccountBalances } from '../balances/account-balances.js';
import { BudgetStore } from './budget-store.js';

/** Tells key-management what is charged to accounts and held on them, for what it explains of keys. */
@Injectable()
export class TellBalances {
  constructor(
    private readonly balances: AccountBalances,
    private readonly budgets: BudgetStore,
  ) {}

  /** The balances of these accounts, as admission would find them once they are loaded. */
  async of({ organizationId, accounts }: AccountBalancesRequest): Promise<readonly ToldBalance[]> {
    const balanceOf = await this.balances.of(
      organizationId,
      accounts.map(({ accountId }) => accountId),
    );
    const told: ToldBalance[] = [];
    for (const { accountId, generation } of accounts) {
      const balance = balanceOf(accountId);
      const unloaded = balance.generation < generation ? await this.charged(organizationId, accountId) : 0n;
      const posted = unloaded > balance.postedNanoUsd ? unloaded : balance.postedNanoUsd;
      told.push({ accountId, postedNanoUsd: posted.toString(), heldNanoUsd: balance.heldNanoUsd.toString() });
    }
    return told;
  }

  /** What the group or project of a budget was charged in the account's cycle; 0 for accounts of other kinds. */
  private async charged(organizationId: string, accountId: string): Promise<bigint> {
    const kind = kindOfAccount(accountId);
    if (kind !== 'group' && kind !== 'project') return 0n;
    const ownerId = limitOf(accountId).slice(`${kind}:`.length);
    const { startMs, endMs } = cycleOfAccount(accountId);
    return this.budgets.charged({ organizationId, kind, ownerId }, startMs, endMs);
  }
}

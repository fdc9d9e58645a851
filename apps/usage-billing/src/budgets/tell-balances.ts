import { Injectable } from '@nestjs/common';
import {
  CREDIT_RESETS,
  cycleAccountId,
  cycleOf,
  cycleOfAccount,
  kindOfAccount,
  limitOf,
  type CreditReset,
} from '@tollgate/api-key';
import type { AccountBalancesRequest, KeySpending, ToldBalance } from '@tollgate/contracts';
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

  /** What is charged to the limits of keys in the cycles of `now` and held on them, by key, as `KeySpending` has it. */
  async ofKeys(
    organizationId: string,
    apiKeyIds: readonly string[],
    now: Date,
  ): Promise<(apiKeyId: string) => NonNullable<KeySpending['limits']>> {
    const accountOf = (apiKeyId: string, reset: CreditReset): string =>
      cycleAccountId(apiKeyId, cycleOf(reset, now.getTime()));
    const balanceOf = await this.balances.of(
      organizationId,
      apiKeyIds.flatMap((apiKeyId) => CREDIT_RESETS.map((reset) => accountOf(apiKeyId, reset))),
    );
    return (apiKeyId) =>
      CREDIT_RESETS.flatMap((reset) => {
        const { postedNanoUsd, heldNanoUsd } = balanceOf(accountOf(apiKeyId, reset));
        if (postedNanoUsd === 0n && heldNanoUsd === 0n) return [];
        return [{ reset, postedNanoUsd: postedNanoUsd.toString(), heldNanoUsd: heldNanoUsd.toString() }];
      });
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

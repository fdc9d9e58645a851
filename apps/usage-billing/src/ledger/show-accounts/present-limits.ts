import { Injectable } from '@nestjs/common';
import { cycleOf, inCycle, kindOfAccount, limitOf } from '@tollgate/api-key';
import type { PresentLimit } from '@tollgate/contracts';
import { remainingOf, type AccountBalance } from '@tollgate/credit';
import { raisedLimit } from '@tollgate/http';
import { BudgetStore } from '../../budgets/budget-store.js';
import { accountAt, capAt } from '../../budgets/budget.js';
import { ShowBudgets } from '../../budgets/show-budgets.js';
import { GrantStore } from '../../grants/grant-store.js';
import { balanceOf as grantBalanceOf } from '../../grants/grant.js';
import { Owners } from '../../owners/owners.js';
import { ShowSubscriptions } from '../../subscriptions/show-subscriptions.js';

/** What caps an account, in nano-USD, and what calls can still use of that; null where nothing caps it. */
export interface ShownLimit {
  readonly capNanoUsd: bigint | null;
  readonly remainingNanoUsd: bigint | null;
}

/** An account whose cycle has not ended. */
export interface OpenAccount extends AccountBalance {
  readonly accountId: string;
  readonly ownerId: string;
}

/** Nothing caps it: its limit was taken away, or begins anew in another way now. */
const NO_LIMIT: ShownLimit = { capNanoUsd: null, remainingNanoUsd: null };

/**
 * Says what accounts are capped by now, as keys, organisations, budgets, grants and subscriptions show it themselves.
 * What the ledger has stored is the limit that the last call was admitted under.
 */
@Injectable()
export class PresentLimits {
  constructor(
    private readonly owners: Owners,
    private readonly budgets: BudgetStore,
    private readonly showBudgets: ShowBudgets,
    private readonly grants: GrantStore,
    private readonly subscriptions: ShowSubscriptions,
  ) {}

  /**
   * The limits of accounts of one organisation at `now`, by account. One is left out that is not known: of a key that
   * is no more, for example.
   * @throws {Problem} `service_unavailable` where key-management has to be asked and cannot
   */
  async of(
    organizationId: string,
    accounts: readonly OpenAccount[],
    now: Date,
  ): Promise<ReadonlyMap<string, ShownLimit>> {
    const ofKind = (...kinds: readonly string[]): readonly OpenAccount[] =>
      accounts.filter(({ accountId }) => kinds.includes(kindOfAccount(accountId) ?? ''));
    return new Map([
      ...(await this.ofKeys(organizationId, ofKind('key', 'organization'), now)),
      ...(await this.ofBudgets(organizationId, ofKind('group', 'project'), now)),
      ...(await this.ofGrants(organizationId, ofKind('grant'), now)),
      ...(await this.ofSubscriptions(organizationId, ofKind('subscription', 'payg'), now)),
    ]);
  }

  private async ofKeys(organizationId: string, accounts: readonly OpenAccount[], now: Date): Promise<Limits> {
    if (accounts.length === 0) return [];
    const keys = accounts.filter(({ accountId }) => kindOfAccount(accountId) === 'key');
    const limits = await this.owners.limits(organizationId, distinct(keys));
    return accounts.flatMap((account): Limits => {
      const limit = limits.get(limitOf(account.accountId));
      return limit === undefined ? [] : [[account.accountId, limitAt(account, limit, now)]];
    });
  }

  private async ofBudgets(organizationId: string, accounts: readonly OpenAccount[], now: Date): Promise<Limits> {
    const budgets = await this.budgets.ofOwners(organizationId, distinct(accounts));
    const balances = await this.showBudgets.balancesOf(organizationId, budgets, now);
    const capped = budgets.map(
      (budget, n) => [accountAt(budget, now), shown(capAt(budget, now), balances[n]!)] as const,
    );
    const present = new Map(capped);
    return accounts.map(({ accountId }) => [accountId, present.get(accountId) ?? NO_LIMIT]);
  }

  private async ofGrants(organizationId: string, accounts: readonly OpenAccount[], now: Date): Promise<Limits> {
    const grants = await this.grants.several(organizationId, distinct(accounts));
    const grantOf = new Map(grants.map((grant) => [grant.id, grant]));
    return accounts.flatMap((account): Limits => {
      const grant = grantOf.get(account.ownerId);
      if (grant === undefined) return [];
      const { leftNanoUsd } = grantBalanceOf(grant, account, now);
      return [[account.accountId, { capNanoUsd: grant.amountNanoUsd, remainingNanoUsd: leftNanoUsd }]];
    });
  }

  private async ofSubscriptions(organizationId: string, accounts: readonly OpenAccount[], now: Date): Promise<Limits> {
    const caps = await this.subscriptions.caps(organizationId, distinct(accounts), now);
    return accounts.flatMap((account): Limits => {
      const cap = caps.get(account.accountId);
      return cap === undefined ? [] : [[account.accountId, shown(cap, account)]];
    });
  }
}

type Limits = readonly (readonly [accountId: string, limit: ShownLimit])[];

const distinct = (accounts: readonly OpenAccount[]): string[] => [...new Set(accounts.map(({ ownerId }) => ownerId))];

const shown = (capNanoUsd: bigint | null, balance: AccountBalance): ShownLimit => ({
  capNanoUsd,
  remainingNanoUsd: remainingOf(capNanoUsd, balance),
});

/** The limit of a key or an organisation on one of its accounts: it caps that of its present cycle alone. */
function limitAt(account: OpenAccount, limit: PresentLimit | null, now: Date): ShownLimit {
  if (limit === null) return NO_LIMIT;
  const { reset, capNanoUsd, raise } = limit;
  if (account.accountId !== inCycle(limitOf(account.accountId), cycleOf(reset, now.getTime()))) return NO_LIMIT;
  const raised = raise && { amountNanoUsd: BigInt(raise.amountNanoUsd), until: new Date(raise.untilMs) };
  return shown(raisedLimit(BigInt(capNanoUsd), raised, now), account);
}

import { Injectable } from '@nestjs/common';
import { accountsOf, kindOfAccount, type ActiveSnapshot } from '@tollgate/api-key';
import { creditItemsOf, creditLeft } from '@tollgate/credit';
import { BalanceLookup, withUsed } from '../keys/explain-key/balance-lookup.js';
import { KeyUseStore } from '../keys/key-use/key-use-store.js';
import { OrganizationStore } from '../organizations/organization-store.js';
import { organizationSnapshotOf } from '../organizations/organization.js';

/** What limits leave to a key that it shares with others; null where it shares none. */
export interface SharedCredit {
  readonly leftNanoUsd: bigint | null;
}

/** The limits of a key besides its own: budgets, the limit of its organisation, and prepaid credit. */
@Injectable()
export class SharedLimits {
  constructor(
    private readonly organizations: OrganizationStore,
    private readonly use: KeyUseStore,
    private readonly balances: BalanceLookup,
  ) {}

  /**
   * What its next call may cost at most by these, on a route that is open to everyone. A refusal of that call would say
   * it, too: a key that may not call is told nothing of what it shares. Null if it is not known.
   */
  async credit(key: ActiveSnapshot, now: Date): Promise<SharedCredit | null> {
    if (!key.scopes.includes('inference:write')) return { leftNanoUsd: null };
    const organization = await this.organizations.find(key.organizationId);
    if (organization === null) return null;
    const joined = accountsOf(key, organizationSnapshotOf(organization), now.getTime());
    const whole = joined.whole.filter(({ accountId }) => kindOfAccount(accountId) !== 'key');
    const accounts = { ...joined, whole, either: [] };
    const used = whole.some(({ accountId }) => kindOfAccount(accountId) === 'organization')
      ? await this.use.chargedToOrganization(key.organizationId)
      : null;
    const told = await this.balances.of(key.organizationId, accounts);
    const balances = withUsed(told, accounts, { [key.organizationId]: used });
    const items = creditItemsOf(accounts);
    const named = [...items.accounts, ...(items.grants ?? [])];
    if (!named.every(({ accountId }) => balances.has(accountId))) return null;
    return { leftNanoUsd: creditLeft(items, balances, now.getTime()) };
  }
}

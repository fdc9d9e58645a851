import { Injectable } from '@nestjs/common';
import { grantAccountId } from '@tollgate/api-key';
import { ServiceDatabase } from '@tollgate/postgres';
import { AccountBalances } from '../balances/account-balances.js';
import { creditGrantObject, type CreditGrantObject } from '../grants/credit-grant.reply.js';
import { GrantStore } from '../grants/grant-store.js';
import { balanceOf } from '../grants/grant.js';
import { OrganizationTerms, type Balance } from '../terms/organization-terms.js';

/** The credit of an organisation, in nano-USD. */
export interface Credits {
  readonly balance: Balance;
  /** All that it was ever given: the sum of the four below. */
  readonly grantedNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  readonly expiredNanoUsd: bigint;
  readonly leftNanoUsd: bigint;
  /** What all its calls were charged, on grants or not. */
  readonly chargedNanoUsd: bigint;
  /** Grants that may still change. */
  readonly grants: readonly CreditGrantObject[];
}

/** Index: key_usage_by_organization. */
const CHARGED = 'SELECT coalesce(sum(charge_nano_usd), 0) AS charged FROM billing.key_usage WHERE organization_id = $1';

/** Sums up the credit of organisations. */
@Injectable()
export class ReadCredits {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: GrantStore,
    private readonly terms: OrganizationTerms,
    private readonly balances: AccountBalances,
  ) {}

  /** The credit of an organisation now. Expiry follows from the clock, whatever was written since. */
  async of(organizationId: string): Promise<Credits> {
    const { balance, charged } = await this.database.inOrganization(organizationId, async (manager) => {
      const [row] = await manager.query<{ charged: string }[]>(CHARGED, [organizationId]);
      return { ...(await this.terms.read(manager, organizationId)), charged: BigInt(row?.charged ?? 0) };
    });
    const closed = await this.store.closedSums(organizationId);
    const open = await this.store.open(organizationId);
    const accounts = await this.balances.of(
      organizationId,
      open.map(({ id }) => grantAccountId(id)),
    );
    const now = new Date();
    const sums = {
      grantedNanoUsd: closed.amountNanoUsd,
      spentNanoUsd: closed.amountNanoUsd - closed.expiredNanoUsd,
      heldNanoUsd: 0n,
      expiredNanoUsd: closed.expiredNanoUsd,
      leftNanoUsd: 0n,
    };
    for (const grant of open) {
      const one = balanceOf(grant, accounts(grantAccountId(grant.id)), now);
      sums.grantedNanoUsd += grant.amountNanoUsd;
      sums.spentNanoUsd += one.spentNanoUsd;
      sums.heldNanoUsd += one.heldNanoUsd;
      sums.expiredNanoUsd += one.expiredNanoUsd;
      sums.leftNanoUsd += one.leftNanoUsd;
    }
    const grants = open.map((grant) => creditGrantObject(grant, accounts(grantAccountId(grant.id)), now));
    return { balance, ...sums, chargedNanoUsd: charged, grants };
  }
}

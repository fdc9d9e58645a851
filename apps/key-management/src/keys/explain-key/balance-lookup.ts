import { Inject, Injectable } from '@nestjs/common';
import { grantAccountId, limitOf, type KeyAccounts } from '@tollgate/api-key';
import { USAGE_BILLING_API, type UsageBillingApi } from '@tollgate/contracts';
import type { AccountBalance } from '@tollgate/credit';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** Balances by account. An account that is not there is one of which nobody could say. */
export type Balances = ReadonlyMap<string, AccountBalance>;

/** Asks usage-billing what is charged to accounts, and what calls in flight hold on them. */
@Injectable()
export class BalanceLookup {
  constructor(
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'accountBalances'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Empty, not zeros, if usage-billing does not answer. */
  async of(organizationId: string, { whole, either, grants }: KeyAccounts): Promise<Balances> {
    const capped = [...whole, ...either].filter(({ capNanoUsd }) => capNanoUsd !== null);
    const accounts = [
      ...capped.map(({ accountId, generation }) => ({ accountId, generation })),
      ...(grants ?? []).map(({ grantId }) => ({ accountId: grantAccountId(grantId), generation: 0 })),
    ];
    if (accounts.length === 0) return new Map();
    try {
      const told = await this.usageBilling.accountBalances({ organizationId, accounts });
      return new Map(
        told.map(({ accountId, postedNanoUsd, heldNanoUsd }) => [
          accountId,
          { postedNanoUsd: BigInt(postedNanoUsd), heldNanoUsd: BigInt(heldNanoUsd) },
        ]),
      );
    } catch (err) {
      this.logger.warn({ err }, 'usage-billing did not say what is charged to accounts');
      return new Map();
    }
  }
}

/**
 * The balances, in which accounts of a key's and an organisation's own limit count at least what these are known to
 * have used (by the owner's id; null for unknown): a limit that was set later counts what was charged before it, and
 * may not have been loaded yet.
 */
export function withUsed(
  balances: Balances,
  { whole }: KeyAccounts,
  usedBy: Readonly<Record<string, bigint | null>>,
): Balances {
  const all = new Map(balances);
  for (const { accountId } of whole) {
    const used = usedBy[limitOf(accountId).replace(/^(key|organization):/, '')] ?? null;
    if (used === null) continue;
    const { postedNanoUsd, heldNanoUsd } = balances.get(accountId) ?? { postedNanoUsd: 0n, heldNanoUsd: 0n };
    all.set(accountId, { postedNanoUsd: used > postedNanoUsd ? used : postedNanoUsd, heldNanoUsd });
  }
  return all;
}

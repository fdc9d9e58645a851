import { grantAccountId, type JoinedAccount, type KeyAccounts, type SnapshotGrant } from '@tollgate/api-key';
import { CAP_NANO_USD_MAX } from './money.js';
import type { CappedItem, GrantItem, ReserveItem } from './items.js';

/** What a request is charged to. */
export interface CreditItems extends Pick<ReserveItem, 'accounts'> {
  readonly either: ReserveItem['either'];
  readonly grants: ReserveItem['grants'];
}

/** The accounts of a key as admission takes them; those without a cap are left out, for they refuse nothing. */
export function creditItemsOf({ whole, either, grants }: KeyAccounts): CreditItems {
  return {
    accounts: whole.flatMap(cappedItem),
    either: either.length === 0 ? undefined : either.flatMap(cappedItem),
    grants: grants?.map(grantItem),
  };
}

/** An account as admission takes it; none if it has no cap. What need not be checked is left out. */
function cappedItem({ accountId, capNanoUsd, generation, cycle, raise }: JoinedAccount): readonly CappedItem[] {
  if (capNanoUsd === null) return [];
  return [
    {
      accountId,
      capNanoUsd: BigInt(capNanoUsd),
      ...(generation === 0 ? {} : { generation }),
      ...(cycle === null ? {} : { cycle: { startMs: cycle.startMs, endMs: cycle.endMs } }),
      ...(raise === undefined
        ? {}
        : { raise: { capNanoUsd: atMostCap(BigInt(raise.capNanoUsd)), untilMs: raise.untilMs } }),
    },
  ];
}

function atMostCap(capNanoUsd: bigint): bigint {
  return capNanoUsd < CAP_NANO_USD_MAX ? capNanoUsd : CAP_NANO_USD_MAX;
}

function grantItem({ grantId, amountNanoUsd, expiresAtMs }: SnapshotGrant): GrantItem {
  return { accountId: grantAccountId(grantId), capNanoUsd: BigInt(amountNanoUsd), endMs: expiresAtMs };
}

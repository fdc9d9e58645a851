import { compileAllowedIps, type ActiveSnapshot } from '@tollgate/api-key';

/** A living key with what its checks need, worked out once. */
export interface CachedKey {
  readonly snapshot: ActiveSnapshot;
  /** Null where every address may. */
  readonly allowsAddress: ((address: string) => boolean) | null;
  /** Null where every model may be used. */
  readonly models: ReadonlySet<string> | null;
  /** Accounts with a cap; empty for a key that can spend without limit. */
  readonly cappedAccounts: readonly { readonly accountId: string; readonly capNanoUsd: bigint }[];
  /** Whether admission has anything to decide. */
  readonly governed: boolean;
}

export function cacheKey(snapshot: ActiveSnapshot): CachedKey {
  const cappedAccounts = snapshot.accounts.flatMap(({ accountId, capNanoUsd }) => (capNanoUsd === null ? [] : [{ accountId, capNanoUsd: BigInt(capNanoUsd) }]));
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = snapshot.rateLimits;
  return {
    snapshot,
    allowsAddress: snapshot.allowedIps === null ? null : compileAllowedIps(snapshot.allowedIps),
    models: snapshot.models === null ? null : new Set(snapshot.models),
    cappedAccounts,
    governed: cappedAccounts.length > 0 || requestsPerMinute !== null || tokensPerMinute !== null || parallelRequests !== null,
  };
}

import { compileAllowedIps, type ActiveSnapshot } from '@tollgate/api-key';
import { compileModelList } from '@tollgate/config';
import { jsonFields } from '../json-fields.js';

/** A living key with what its checks need, worked out once. */
export interface CachedKey {
  readonly snapshot: ActiveSnapshot;
  /** Null where every address may. */
  readonly allowsAddress: ((address: string) => boolean) | null;
  /** Null where every model may be used. */
  readonly allowsModel: ((model: string) => boolean) | null;
  /** Accounts with a cap; empty for a key that can spend without limit. */
  readonly cappedAccounts: readonly { readonly accountId: string; readonly capNanoUsd: bigint }[];
  /** Whether admission has anything to decide. */
  readonly governed: boolean;
  /** What every usage event of the key says of it: fields of JSON. */
  readonly eventPart: string;
}

export function cacheKey(snapshot: ActiveSnapshot): CachedKey {
  const cappedAccounts = snapshot.accounts.flatMap(({ accountId, capNanoUsd }) => (capNanoUsd === null ? [] : [{ accountId, capNanoUsd: BigInt(capNanoUsd) }]));
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = snapshot.rateLimits;
  return {
    snapshot,
    allowsAddress: snapshot.allowedIps === null ? null : compileAllowedIps(snapshot.allowedIps),
    allowsModel: snapshot.models === null ? null : compileModelList(snapshot.models),
    cappedAccounts,
    eventPart: jsonFields({ organizationId: snapshot.organizationId, apiKeyId: snapshot.apiKeyId, accounts: snapshot.accounts }),
    governed: cappedAccounts.length > 0 || requestsPerMinute !== null || tokensPerMinute !== null || parallelRequests !== null,
  };
}

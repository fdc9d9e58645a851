import {
  keyAccountId,
  organizationAccountId,
  SNAPSHOT_FORM,
  type ActiveSnapshot,
  type CappedAccount,
  type KeySnapshot,
  type SnapshotSubscription,
  type Tombstone,
} from '@tollgate/api-key';
import { capRaiseOf } from '../../organizations/credit-raise.js';
import { digestsOf, type ApiKey, type KeySecret, type KeySubscription } from './api-key.js';

/**
 * The snapshot of a key for gateways. An expired key has an active snapshot: the gateway checks the expiry itself. A
 * disabled key has a tombstone, which a later version replaces when it is enabled.
 */
export function snapshotOf(key: ApiKey): KeySnapshot {
  const identity = {
    form: SNAPSHOT_FORM,
    apiKeyId: key.id,
    organizationId: key.organizationId,
    version: key.version,
    digests: digestsOf(key),
  };
  if (key.revocation !== null) return { ...identity, state: 'revoked', reason: key.revocation.reason };
  if (key.disabledAt !== null) return { ...identity, state: 'revoked', reason: 'disabled' };
  return {
    ...identity,
    state: stateOf(key),
    name: key.name,
    scopes: key.scopes,
    expiresAtMs: key.expiresAt?.getTime() ?? null,
    models: key.models,
    allowedIps: key.allowedIps,
    rateLimits: key.rateLimits,
    accounts: accountsOf(key),
    creditReset: key.creditReset,
    creditGeneration: key.creditGeneration,
    ...(key.creditRaise !== null && { creditRaise: capRaiseOf(key.creditRaise) }),
    kind: key.kind,
    publicKey: key.publicKey,
    projectId: key.projectId,
    ...(key.memberId === null ? {} : { memberId: key.memberId }),
    browserUse: key.browserUse,
    groups: key.groupIds,
    ...(key.subscription !== null && { subscription: subscriptionOf(key.subscription) }),
    secrets: key.secrets.flatMap(({ id, digests, form, endsAt, end }) =>
      end === null ? [{ id, digests, form, endsAtMs: endsAt?.getTime() ?? null }] : [],
    ),
  };
}

/**
 * The tombstone of one secret that has ended while its key may live on. It is stored under the digests of that secret,
 * where the snapshot of the key with that secret stood before.
 */
export function secretTombstoneOf(key: ApiKey, { id, digests, end }: KeySecret): Tombstone {
  return {
    form: SNAPSHOT_FORM,
    apiKeyId: key.id,
    organizationId: key.organizationId,
    version: key.version,
    digests,
    state: 'revoked',
    reason: end?.reason === 'leaked' ? 'leaked' : 'revoked',
    secretId: id,
  };
}

/** What gateways need under the digests of this secret of the key. */
export function snapshotOfSecret(key: ApiKey, secret: KeySecret): KeySnapshot {
  return secret.end === null ? snapshotOf(key) : secretTombstoneOf(key, secret);
}

/** Gateways of the release before refuse the key of a subscription: they would let it spend without a limit. */
function stateOf(key: ApiKey): ActiveSnapshot['state'] {
  if (key.subscription !== null) return 'subscribed';
  return isKnownToFormerRelease(key) ? 'active' : 'extended';
}

const subscriptionOf = ({ version: _version, ...subscription }: KeySubscription): SnapshotSubscription => subscription;

/** Whether a gateway of the release before enforces all rules of the key though it passes over the newer fields. */
function isKnownToFormerRelease(key: ApiKey): boolean {
  return (
    key.kind === 'router' &&
    key.creditReset === 'never' &&
    key.creditGeneration === 0 &&
    key.browserUse === 'allowed' &&
    key.secrets.every(({ end, endsAt }) => end !== null || endsAt === null)
  );
}

/**
 * The key's own account, with or without a cap, and the organisation's account if that has a cap. The second is only
 * for gateways of the previous release: they do not read the organisation's own snapshot and would not enforce its cap.
 */
function accountsOf(key: ApiKey): CappedAccount[] {
  const own = { accountId: keyAccountId(key.id), capNanoUsd: key.creditLimitNanoUsd?.toString() ?? null };
  if (key.organizationCreditLimitNanoUsd === null) return [own];
  return [
    own,
    { accountId: organizationAccountId(key.organizationId), capNanoUsd: key.organizationCreditLimitNanoUsd.toString() },
  ];
}

import type { SubscriptionTerms } from '@tollgate/contracts';
import type { ApiKey } from '../api-key/api-key.js';

/** The settings of a key that its subscription decides. */
type SubscribedSettings = Pick<ApiKey, 'models' | 'rateLimits' | 'subscription'>;

/** What terms make of a key. Its own account has no limit: the quota of its cycle takes its place. */
export function settingsOfTerms({
  models,
  rateLimits,
  markupMillionths,
  ...terms
}: SubscriptionTerms): SubscribedSettings {
  return {
    models,
    rateLimits,
    subscription: { ...terms, ...(markupMillionths !== null && { markupMillionths }) },
  };
}

/**
 * The key as terms of its subscription leave it; null where they are older than what it was told, or where nobody can
 * use it any more.
 */
export function subscribedKey(key: ApiKey, terms: SubscriptionTerms): ApiKey | null {
  if (key.kind !== 'subscription' || key.revocation !== null) return null;
  const { subscription } = key;
  if (subscription !== null && subscription.version >= terms.version) return null;
  return { ...key, ...settingsOfTerms(terms), version: key.version + 1 };
}

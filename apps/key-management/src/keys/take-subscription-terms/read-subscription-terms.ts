import { ledgerId, subscriptionsChangedV1, uuid, type SubscriptionsChangedV1 } from '@tollgate/contracts';

/**
 * Reads messages of `subscriptions.changed.v1`: of each key the one with the highest version. What cannot be read costs
 * one message: an error would block the partition on each redelivery.
 */
export function readSubscriptionTerms(values: readonly string[]): {
  readonly told: readonly SubscriptionsChangedV1[];
  readonly unreadable: number;
} {
  const newest = new Map<string, SubscriptionsChangedV1>();
  let unreadable = 0;
  for (const value of values) {
    const read = toldTerms(value);
    if (read === null) unreadable += 1;
    else if ((newest.get(read.apiKeyId)?.terms.version ?? 0) < read.terms.version) newest.set(read.apiKeyId, read);
  }
  return { told: [...newest.values()], unreadable };
}

/** Ids that Postgres could not take would fail each redelivery. */
function toldTerms(value: string): SubscriptionsChangedV1 | null {
  const read = subscriptionsChangedV1.safeParse(parsed(value));
  if (!read.success) return null;
  const { organizationId, apiKeyId } = read.data;
  return ledgerId.safeParse(organizationId).success && uuid.safeParse(apiKeyId).success ? read.data : null;
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

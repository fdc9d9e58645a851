import { formatUsd } from '@tollgate/credit';
import { creditLimitRaiseObject, raisedLimit } from '@tollgate/http';
import type { Organization } from './organization.js';
import type { OrganizationObject, OrganizationWithUseObject } from './organization.reply.js';

/** An organisation as the admin API shows it. */
export function organizationObject(organization: Organization, now: Date): OrganizationObject {
  return {
    object: 'organization',
    id: organization.id,
    name: organization.name,
    credit_limit_usd: organization.creditLimitNanoUsd === null ? null : formatUsd(organization.creditLimitNanoUsd),
    credit_limit_raise: creditLimitRaiseObject(organization.creditRaise, now),
    key_names_immutable: organization.keyNamesImmutable,
    created_at: organization.createdAt.toISOString(),
  };
}

/**
 * An organisation with what its keys spent. `usedNanoUsd` is null if that is not known; without a limit nothing is
 * counted.
 */
export function organizationWithUse(
  organization: Organization,
  usedNanoUsd: bigint | null,
  now: Date,
): OrganizationWithUseObject {
  const limit = raisedLimit(organization.creditLimitNanoUsd, organization.creditRaise, now);
  const used = limit === null ? null : usedNanoUsd;
  return {
    ...organizationObject(organization, now),
    credit_used_usd: used === null ? null : formatUsd(used),
    credit_remaining_usd: limit === null || used === null ? null : formatUsd(used < limit ? limit - used : 0n),
  };
}

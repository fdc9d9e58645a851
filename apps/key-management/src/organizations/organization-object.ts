import { formatUsd, remainingOf, type AccountBalance } from '@tollgate/credit';
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
 * An organisation with what its keys spent and hold of its limit: null if that is not known, and without a limit, since
 * nothing is counted then.
 */
export function organizationWithUse(
  organization: Organization,
  balance: AccountBalance | null,
  now: Date,
): OrganizationWithUseObject {
  const limit = raisedLimit(organization.creditLimitNanoUsd, organization.creditRaise, now);
  const isKnown = limit !== null && balance !== null;
  return {
    ...organizationObject(organization, now),
    credit_used_usd: isKnown ? formatUsd(balance.postedNanoUsd) : null,
    credit_remaining_usd: isKnown ? formatUsd(remainingOf(limit, balance)) : null,
  };
}

import { formatUsd } from '@tollgate/credit';
import type { Organization } from './organization.js';
import type { OrganizationObject } from './organization.reply.js';

/** An organisation as the admin API shows it. */
export function organizationObject(organization: Organization): OrganizationObject {
  return {
    object: 'organization',
    id: organization.id,
    name: organization.name,
    credit_limit_usd: organization.creditLimitNanoUsd === null ? null : formatUsd(organization.creditLimitNanoUsd),
    key_names_immutable: organization.keyNamesImmutable,
    created_at: organization.createdAt.toISOString(),
  };
}

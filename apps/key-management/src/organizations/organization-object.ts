import { formatUsd } from '@tollgate/credit';
import type { Organization } from './organization.js';

/** An organisation as the admin API shows it. Moments are RFC 3339 in UTC, money is decimal USD. */
export interface OrganizationObject {
  readonly object: 'organization';
  readonly id: string;
  readonly name: string;
  /** Null is unlimited. */
  readonly credit_limit_usd: string | null;
  readonly created_at: string;
}

export interface OrganizationList {
  readonly object: 'list';
  readonly data: readonly OrganizationObject[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

export function organizationObject(organization: Organization): OrganizationObject {
  return {
    object: 'organization',
    id: organization.id,
    name: organization.name,
    credit_limit_usd: organization.creditLimitNanoUsd === null ? null : formatUsd(organization.creditLimitNanoUsd),
    created_at: organization.createdAt.toISOString(),
  };
}

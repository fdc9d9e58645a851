import type { OrganizationSnapshot } from '@tollgate/api-key';

/** A tenant: keys, members and usage are each of one. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  /** What all its keys may spend together; null is unlimited. */
  readonly creditLimitNanoUsd: bigint | null;
  readonly createdAt: Date;
  /** 1 when made, one more with each change. */
  readonly version: number;
}

/** What gateways need to know of an organisation. */
export function organizationSnapshotOf(organization: Pick<Organization, 'id' | 'version' | 'creditLimitNanoUsd'>) {
  return {
    organizationId: organization.id,
    version: organization.version,
    state: 'active',
    capNanoUsd: organization.creditLimitNanoUsd?.toString() ?? null,
  } satisfies OrganizationSnapshot;
}

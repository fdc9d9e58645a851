import type { OrganizationSnapshot } from '@tollgate/api-key';

/** A tenant: each key, member and usage event belongs to exactly one. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  /** The credit limit over all its keys together; null is unlimited. */
  readonly creditLimitNanoUsd: bigint | null;
  readonly createdAt: Date;
  /** 1 at creation; each change adds one. */
  readonly version: number;
}

/** The snapshot of an organisation, which gateways read. */
export function organizationSnapshotOf(organization: Pick<Organization, 'id' | 'version' | 'creditLimitNanoUsd'>) {
  return {
    organizationId: organization.id,
    version: organization.version,
    state: 'active',
    capNanoUsd: organization.creditLimitNanoUsd?.toString() ?? null,
  } satisfies OrganizationSnapshot;
}

import type { OrganizationSnapshot } from '@tollgate/api-key';

/** A tenant: each key, member and usage event belongs to exactly one. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  /** The credit limit over all its keys together; null is unlimited. */
  readonly creditLimitNanoUsd: bigint | null;
  readonly createdAt: Date;
  /** When it was deleted; null for all that are shown. */
  readonly deletedAt: Date | null;
  /** 1 at creation; each change adds one. */
  readonly version: number;
}

/** What gateways need to know of an organisation. */
export type OrganizationState = Pick<Organization, 'id' | 'version' | 'creditLimitNanoUsd' | 'deletedAt'>;

/** The snapshot of an organisation, which gateways read. */
export function organizationSnapshotOf(organization: OrganizationState) {
  return {
    organizationId: organization.id,
    version: organization.version,
    state: organization.deletedAt === null ? 'active' : 'deleted',
    capNanoUsd: organization.creditLimitNanoUsd?.toString() ?? null,
  } satisfies OrganizationSnapshot;
}

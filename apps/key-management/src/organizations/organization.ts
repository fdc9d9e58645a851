import type { OrganizationSnapshot } from '@tollgate/api-key';

/** The names of the routes that each group opens, by the id of the group. Groups without routes are left out. */
export type GroupRoutes = Readonly<Record<string, readonly string[]>>;

/** A tenant: each key, member and usage event belongs to exactly one. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  /** The credit limit over all its keys together; null is unlimited. */
  readonly creditLimitNanoUsd: bigint | null;
  /** Its version from which on the limit counts what the ledger has; 0 for a limit that it was made with, or none. */
  readonly creditGeneration: number;
  /** What its groups open. A copy of what the groups themselves say, changed together with them. */
  readonly groupRoutes: GroupRoutes;
  /** Whether its keys keep the names that they were made with. */
  readonly keyNamesImmutable: boolean;
  readonly createdAt: Date;
  /** When it was deleted; null for all that are shown. */
  readonly deletedAt: Date | null;
  /** 1 at creation; each change adds one. */
  readonly version: number;
}

/** What gateways need to know of an organisation. */
export type OrganizationState = Pick<
  Organization,
  'id' | 'version' | 'creditLimitNanoUsd' | 'creditGeneration' | 'groupRoutes' | 'deletedAt'
>;

/** The snapshot of an organisation, which gateways read. */
export function organizationSnapshotOf(organization: OrganizationState) {
  return {
    organizationId: organization.id,
    version: organization.version,
    state: stateOf(organization),
    capNanoUsd: organization.creditLimitNanoUsd?.toString() ?? null,
    capGeneration: organization.creditGeneration,
    ...(Object.keys(organization.groupRoutes).length > 0 && { groupRoutes: organization.groupRoutes }),
  } satisfies OrganizationSnapshot;
}

/** Gateways of the release before do not load the account of a limit that was set later: they refuse its keys. */
function stateOf({ deletedAt, creditGeneration }: OrganizationState): OrganizationSnapshot['state'] {
  if (deletedAt !== null) return 'deleted';
  return creditGeneration > 0 ? 'extended' : 'active';
}

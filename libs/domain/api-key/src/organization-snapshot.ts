import type { CreditReset } from './credit-cycle.js';
import type { ActiveSnapshot, CapRaise } from './snapshot.js';

/**
 * The state of an organisation that gateways need, for all its keys. It is one record for any number of keys: a change
 * of the cap writes this record and no key's snapshot.
 */
export interface OrganizationSnapshot {
  readonly organizationId: string;
  /** Grows by one with each change of the organisation; the higher one wins. */
  readonly version: number;
  /**
   * A deleted organisation stays deleted, and all its keys are refused. A gateway also refuses them for a state that it
   * does not know, for example of a later release: `extended` is one that has rules which the release before 2026-12
   * does not know; `billed` has budgets, grants, a mark-up or prices, which the release after that does not know.
   */
  readonly state: 'active' | 'extended' | 'billed' | 'deleted';
  /** The most that all its keys together may spend (a decimal string of 1e-9 USD); null is unlimited. */
  readonly capNanoUsd: string | null;
  /** Admission must have loaded the organisation's account for this version of it, or a later one; 0 needs none. */
  readonly capGeneration?: number;
  /** The names of the routes that each of its groups opens, by the group's id; absent for none. */
  readonly groupRoutes?: Readonly<Record<string, readonly string[]>>;
  /** What may be spent beyond the cap until a moment; absent for nothing. */
  readonly capRaise?: CapRaise;
  /** Budgets of its groups and projects; absent for none. */
  readonly budgets?: readonly SnapshotBudget[];
  /** Its prepaid credit, in the order in which it is spent. Absent: it pays afterwards. Empty: it has no credit. */
  readonly grants?: readonly SnapshotGrant[];
  /** What is added to the cost of each call, in millionths of it: 50,000 is 5 %. Absent for nothing. */
  readonly markupMillionths?: number;
  /** Prices of its own, which go before those of the configuration. Absent for none. */
  readonly prices?: SnapshotPrices;
}

/** Prices of one organisation. */
export interface SnapshotPrices {
  /** Of what they say: the same for the same prices. */
  readonly version: string;
  /** In the shape of `prices` in config.yaml, which gateways read. */
  readonly entries: readonly Readonly<Record<string, unknown>>[];
}

/** What the keys of a group or of a project may spend together in each cycle. */
export interface SnapshotBudget {
  readonly kind: 'group' | 'project';
  /** The id of the group or the project. */
  readonly ownerId: string;
  readonly capNanoUsd: string;
  readonly reset: CreditReset;
  /** Admission must have loaded its account for this version of it, or a later one; 0 needs none. */
  readonly generation: number;
  readonly raise?: CapRaise;
}

/** Prepaid credit. A call holds credit on grants in their order, passing over those that have expired. */
export interface SnapshotGrant {
  readonly grantId: string;
  readonly amountNanoUsd: string;
  /** Milliseconds since 1970; null never expires. */
  readonly expiresAtMs: number | null;
}

/** The groups of a key that open a route to it, in the key's order. */
export function groupsThatOpen(
  { groups = [] }: Pick<ActiveSnapshot, 'groups'>,
  organization: Pick<OrganizationSnapshot, 'groupRoutes'> | null,
  route: string,
): readonly string[] {
  const groupRoutes = organization?.groupRoutes ?? {};
  return groups.filter((group) => Object.hasOwn(groupRoutes, group) && groupRoutes[group]!.includes(route));
}

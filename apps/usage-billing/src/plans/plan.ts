import type { RateLimits } from '@tollgate/api-key';

/** What a plan offers for one cycle. */
export interface PlanTerms {
  /** What a cycle includes. */
  readonly quotaNanoUsd: bigint;
  /** What a cycle costs. */
  readonly priceNanoUsd: bigint;
  /** What is added to the cost of each call, in millionths of it; null where the organisation's own mark-up counts. */
  readonly markupMillionths: number | null;
  /** Names of the routes that its keys may use; null means all. */
  readonly models: readonly string[] | null;
  readonly rateLimits: RateLimits;
  /** Whether calls beyond the quota may be paid as they go. */
  readonly paygAllowed: boolean;
}

/** The terms of a plan since a moment. A change makes a new version; the versions before stay. */
export interface PlanVersion extends PlanTerms {
  readonly planId: string;
  /** 1 at creation; each change adds one. */
  readonly version: number;
  /** In milliseconds since 1970. */
  readonly fromMs: number;
}

/** A plan that can be subscribed to. */
export interface Plan {
  readonly id: string;
  readonly name: string;
  /** Where it is kept: plans of `config.yaml` are changed there alone. */
  readonly source: 'config' | 'api';
  /** Whether owners of organisations may subscribe to it themselves. */
  readonly selfService: boolean;
  /** Its newest version. */
  readonly terms: PlanVersion;
  readonly createdAt: Date;
  /** Since when nobody can subscribe to it; null while anybody can. Subscriptions that it has go on. */
  readonly archivedAt: Date | null;
}

/**
 * The version of a plan that counts for a cycle that begins at `atMs` (milliseconds since 1970): a later change counts
 * from the next cycle on. `versions` are all of one plan, in any order.
 */
export function versionAt(versions: readonly PlanVersion[], atMs: number): PlanVersion {
  const sorted = versions.toSorted((one, other) => one.version - other.version);
  const version = sorted.findLast(({ fromMs }) => fromMs <= atMs) ?? sorted[0];
  if (version === undefined) throw new Error('a plan has no version');
  return version;
}

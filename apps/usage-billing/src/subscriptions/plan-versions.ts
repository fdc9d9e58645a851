import { groupedBy } from '../grouped-by.js';
import { versionAt, type PlanVersion } from '../plans/plan.js';

/** All versions of some plans. */
export class PlanVersions {
  readonly #byPlan: ReadonlyMap<string, readonly PlanVersion[]>;

  constructor(versions: readonly PlanVersion[]) {
    this.#byPlan = groupedBy(versions, ({ planId }) => planId);
  }

  /** The one that counts for a cycle that begins at `atMs` (milliseconds since 1970). */
  readonly at = (planId: string, atMs: number): PlanVersion => versionAt(this.#of(planId), atMs);

  readonly exactly = (planId: string, version: number): PlanVersion => {
    const found = this.#of(planId).find((each) => each.version === version);
    if (found === undefined) throw new Error(`a plan has no version ${version}`);
    return found;
  };

  readonly newest = (planId: string): PlanVersion => versionAt(this.#of(planId), Infinity);

  #of(planId: string): readonly PlanVersion[] {
    return this.#byPlan.get(planId) ?? [];
  }
}

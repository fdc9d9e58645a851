/** What the leases tell about gateway instances. */
export interface LeaseVerdict {
  /** Not renewed for long enough, all of it while leases could be read. */
  readonly gone: readonly string[];
  /** Renewed since the last check. */
  readonly renewed: readonly string[];
}

/** Between two checks further apart than this, nobody knows whether leases could be renewed. */
const CHECK_GAP_MS_MAX = 5_000;

/**
 * Counts how long each lease has stood still, by our own monotonic clock: the value of a lease is opaque, no two
 * clocks are compared. A check that failed starts the count anew for all, since gateways could not renew either.
 */
export class LeaseWatch {
  private readonly seen = new Map<string, { value: string | undefined; stillSinceMs: number }>();
  private lastCheckMs = -Infinity;

  constructor(private readonly goneAfterMs: number) {}

  /** `leases` by instance; null where they could not be read. `nowMs`: monotonic. */
  judge(instanceIds: readonly string[], leases: ReadonlyMap<string, string> | null, nowMs: number): LeaseVerdict {
    const trusted = leases !== null && nowMs - this.lastCheckMs <= CHECK_GAP_MS_MAX;
    if (!trusted) this.seen.clear();
    if (leases === null) return { gone: [], renewed: [] };
    this.lastCheckMs = nowMs;
    this.forgetOthers(instanceIds);
    const gone: string[] = [];
    const renewed: string[] = [];
    for (const id of instanceIds) {
      const value = leases.get(id);
      const before = this.seen.get(id);
      if (before === undefined || before.value !== value) {
        if (before !== undefined && value !== undefined) renewed.push(id);
        this.seen.set(id, { value, stillSinceMs: nowMs });
      } else if (nowMs - before.stillSinceMs >= this.goneAfterMs) {
        gone.push(id);
      }
    }
    return { gone, renewed };
  }

  private forgetOthers(instanceIds: readonly string[]): void {
    const known = new Set(instanceIds);
    for (const id of this.seen.keys()) if (!known.has(id)) this.seen.delete(id);
  }
}

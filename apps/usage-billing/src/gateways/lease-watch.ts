/** The result of one check of leases, as instance ids. */
export interface LeaseVerdict {
  /** Not renewed for `goneAfterMs`, and leases could be read during all of that time. */
  readonly gone: readonly string[];
  /** Renewed since the last check. */
  readonly renewed: readonly string[];
}

/** If two checks are further apart than this, it is unknown whether gateways could renew in between. */
const CHECK_GAP_MS_MAX = 5_000;

/**
 * Measures how long each lease has not changed. It uses only our own monotonic clock and treats the value of a lease as
 * opaque, so that no two clocks are compared. A failed check restarts the measurement for all instances, since gateways
 * probably could not renew either.
 */
export class LeaseWatch {
  private readonly seen = new Map<string, { value: string | undefined; stillSinceMs: number }>();
  private lastCheckMs = -Infinity;

  constructor(private readonly goneAfterMs: number) {}

  /** `leases` are by instance id, null if they could not be read; `nowMs` comes from a monotonic clock. */
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

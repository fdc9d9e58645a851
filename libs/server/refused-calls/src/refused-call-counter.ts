import type { RefusedCall } from '@tollgate/contracts';

/** A refusal as a server sees it. */
export type SeenRefusal = Omit<RefusedCall, 'count' | 'firstAt' | 'lastAt'>;

/** How long repeats are counted before they are reported together. */
const WINDOW_MS = 600_000;
/** Different refusals of one organisation in a window; more of them are counted by their code alone. */
const KINDS_MAX = 50;
/** Different refusals in a window, of all organisations. */
const TOTAL_MAX = 2_000;

interface Counted {
  readonly call: SeenRefusal;
  /** How many are not reported yet. */
  count: number;
  firstAtMs: number;
  lastAtMs: number;
  /** When to report; afterwards, when the window ends. */
  dueMs: number;
}

/**
 * Counts refused calls, so that a flood of them is a few entries of the audit trail. The first of its kind is due at
 * once; its repeats (same caller, route and code) are due together at the end of the window. Callers without a valid
 * credential are told apart by their address. When there are too many kinds, only the code tells them apart.
 */
export class RefusedCallCounter {
  readonly #counted = new Map<string, Counted>();
  readonly #kinds = new Map<string | null, number>();

  /** Notes a refusal. Times are milliseconds since 1970. */
  note(seen: SeenRefusal, nowMs: number): void {
    this.#add(seen, { count: 1, firstAtMs: nowMs, lastAtMs: nowMs, dueMs: nowMs });
  }

  /** The refusals that are due, at most `most`; with `all` also those whose window has not ended. */
  take(nowMs: number, most: number, all = false): RefusedCall[] {
    const taken: RefusedCall[] = [];
    for (const [key, counted] of this.#counted) {
      if (taken.length === most) break;
      if (counted.dueMs > nowMs && !all) continue;
      if (counted.count === 0) {
        this.#forget(key, counted);
        continue;
      }
      const { call, count, firstAtMs, lastAtMs } = counted;
      const [firstAt, lastAt] = [new Date(firstAtMs).toISOString(), new Date(lastAtMs).toISOString()];
      taken.push({ ...call, count, firstAt, lastAt });
      counted.count = 0;
      counted.dueMs = nowMs + WINDOW_MS;
    }
    return taken;
  }

  /** Takes back what could not be reported: it is due again at `dueMs`. */
  putBack(calls: readonly RefusedCall[], dueMs: number): void {
    for (const { count, firstAt, lastAt, ...call } of calls) {
      const known = this.#add(call, { count, firstAtMs: Date.parse(firstAt), lastAtMs: Date.parse(lastAt), dueMs });
      known.dueMs = Math.min(known.dueMs, dueMs);
    }
  }

  #add(seen: SeenRefusal, counts: Omit<Counted, 'call'>): Counted {
    const { key, call } = this.#kindOf(seen);
    const known = this.#counted.get(key);
    if (known === undefined) {
      const added = { call, ...counts };
      this.#counted.set(key, added);
      this.#kinds.set(call.organizationId, (this.#kinds.get(call.organizationId) ?? 0) + 1);
      return added;
    }
    known.firstAtMs = known.count === 0 ? counts.firstAtMs : Math.min(known.firstAtMs, counts.firstAtMs);
    known.lastAtMs = known.count === 0 ? counts.lastAtMs : Math.max(known.lastAtMs, counts.lastAtMs);
    known.count += counts.count;
    return known;
  }

  #kindOf(seen: SeenRefusal): { readonly key: string; readonly call: SeenRefusal } {
    const own = keyOf(seen);
    if (this.#counted.has(own)) return { key: own, call: seen };
    const isFull = this.#counted.size >= TOTAL_MAX;
    if (!isFull && (this.#kinds.get(seen.organizationId) ?? 0) < KINDS_MAX) return { key: own, call: seen };
    const organizationId = isFull ? null : seen.organizationId;
    const call: SeenRefusal = { ...seen, organizationId, principal: { kind: 'several' }, address: null, route: '*' };
    return { key: keyOf(call), call };
  }

  #forget(key: string, { call }: Counted): void {
    this.#counted.delete(key);
    const left = (this.#kinds.get(call.organizationId) ?? 1) - 1;
    if (left > 0) this.#kinds.set(call.organizationId, left);
    else this.#kinds.delete(call.organizationId);
  }
}

const keyOf = ({ organizationId, principal, route, code, address }: SeenRefusal): string =>
  JSON.stringify([organizationId, principal, route, code, principal.kind === 'unknown' ? address : null]);

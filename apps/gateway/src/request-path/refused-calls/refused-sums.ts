import type { CallsRefusedV1 } from '@tollgate/contracts';

const MINUTE_MS = 60_000;
/** Different refusals of one minute: keys with their codes. Of more, only the organisation and the code are counted. */
const KINDS_MAX = 5_000;
/** All of them together: a refusal of ever more organisations is counted no more. */
const TOTAL_MAX = 10_000;
/** Minutes that wait for the bus; older ones are given up. */
const MINUTES_MAX = 60;
/** In the place of a key where there are too many of them. */
const SEVERAL_KEYS = '*';

/** What is told of one organisation and minute. */
export type RefusedMinute = Pick<CallsRefusedV1, 'organizationId' | 'minute' | 'refusals'>;

interface Counted {
  readonly apiKeyId: string;
  readonly code: string;
  calls: number;
}

interface Minute {
  /** By organisation, and by key and code. */
  readonly counted: Map<string, Map<string, Counted>>;
  /** How many are counted, of all organisations. */
  kinds: number;
  /** Organisations with calls that were not told. */
  readonly changed: Set<string>;
}

/** Counts the calls that were refused, by minute, key and code, in bounded memory: a flood is a few numbers. */
export class RefusedSums {
  readonly #minutes = new Map<number, Minute>();

  /** Counts one call. `nowMs` is in milliseconds since 1970. */
  note(organizationId: string, apiKeyId: string, code: string, nowMs: number): void {
    const minute = this.#minuteAt(nowMs);
    const counted = find(minute, organizationId, apiKeyId, code);
    if (counted === null) return;
    counted.calls += 1;
    minute.changed.add(organizationId);
  }

  /** What has changed since it was taken. The sums are those of the whole minute, so they may be told twice. */
  take(nowMs: number): RefusedMinute[] {
    const taken: RefusedMinute[] = [];
    for (const [startMs, { counted, changed }] of this.#minutes) {
      for (const organizationId of changed) {
        const refusals = [...(counted.get(organizationId)?.values() ?? [])].map((each) => ({ ...each }));
        taken.push({ organizationId, minute: new Date(startMs).toISOString(), refusals });
      }
      changed.clear();
      if (startMs + MINUTE_MS <= nowMs) this.#minutes.delete(startMs);
    }
    return taken;
  }

  /** Takes back what could not be told: it is told with what comes next. */
  putBack(taken: readonly RefusedMinute[]): void {
    for (const { organizationId, minute: start, refusals } of taken) {
      const minute = this.#minuteAt(Date.parse(start));
      for (const { apiKeyId, code, calls } of refusals) {
        const counted = find(minute, organizationId, apiKeyId, code);
        // A minute that is still counted has at least as many calls.
        if (counted !== null) counted.calls = Math.max(counted.calls, calls);
      }
      minute.changed.add(organizationId);
    }
  }

  #minuteAt(nowMs: number): Minute {
    const startMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    const known = this.#minutes.get(startMs);
    if (known !== undefined) return known;
    const [oldest] = this.#minutes.keys();
    if (oldest !== undefined && this.#minutes.size >= MINUTES_MAX) this.#minutes.delete(oldest);
    const minute: Minute = { counted: new Map(), kinds: 0, changed: new Set() };
    this.#minutes.set(startMs, minute);
    return minute;
  }
}

/** The count of these calls; that of all keys where there are too many of them, and null without room for any. */
function find(minute: Minute, organizationId: string, apiKeyId: string, code: string): Counted | null {
  const ofOne = minute.counted.get(organizationId) ?? new Map<string, Counted>();
  const known = ofOne.get(`${apiKeyId} ${code}`);
  if (known !== undefined) return known;
  if (minute.kinds >= TOTAL_MAX) return null;
  if (minute.kinds >= KINDS_MAX && apiKeyId !== SEVERAL_KEYS) return find(minute, organizationId, SEVERAL_KEYS, code);
  const added: Counted = { apiKeyId, code, calls: 0 };
  minute.counted.set(organizationId, ofOne.set(`${apiKeyId} ${code}`, added));
  minute.kinds += 1;
  return added;
}

/* eslint-disable no-restricted-globals -- Date is the calendar here: no function asks it for the time. */
/** How often a credit limit begins anew. Cycles begin at 00:00 UTC; weeks on Monday, months on the first. */
export const CREDIT_RESETS = ['never', 'daily', 'weekly', 'monthly'] as const;
export type CreditReset = (typeof CREDIT_RESETS)[number];

/** How often the period of an account begins anew: that of a subscription in each month from its anchor. */
export type CycleReset = CreditReset | 'subscription';

/** The cycle of a credit limit that a moment lies in. A limit that never resets has one cycle without bounds. */
export interface CreditCycle {
  readonly reset: CycleReset;
  /** The first moment of the cycle, in milliseconds since 1970; -Infinity for `never`. */
  readonly startMs: number;
  /** The first moment after the cycle; Infinity for `never`. */
  readonly endMs: number;
}

const DAY_MS = 86_400_000;
/** 1970-01-05, the first Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/**
 * The cycle that `nowMs` lies in. Days begin at 00:00 UTC, weeks on Monday, months on the first.
 *
 * @example
 * cycleOf('monthly', Date.UTC(2026, 10, 29)); // from the first of November to before the first of December
 */
export function cycleOf(reset: CreditReset, nowMs: number): CreditCycle {
  switch (reset) {
    case 'never':
      return { reset, startMs: -Infinity, endMs: Infinity };
    case 'daily': {
      const startMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
      return { reset, startMs, endMs: startMs + DAY_MS };
    }
    case 'weekly': {
      const startMs = Math.floor((nowMs - FIRST_MONDAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS + FIRST_MONDAY_MS;
      return { reset, startMs, endMs: startMs + 7 * DAY_MS };
    }
    case 'monthly': {
      const now = new Date(nowMs);
      const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
      return { reset, startMs: Date.UTC(year, month, 1), endMs: Date.UTC(year, month + 1, 1) };
    }
  }
}

/* eslint-disable no-restricted-globals -- Date is the calendar here: no function asks it for the time. */
import { keyAccountId, type CreditReset } from './snapshot.js';

/** The cycle of a credit limit that a moment lies in. A limit that never resets has one cycle without bounds. */
export interface CreditCycle {
  readonly reset: CreditReset;
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

/**
 * The account that a key's own limit caps in a cycle. A limit that never resets has one account for good; each other
 * cycle has its own, so that charges stay where they were reserved.
 *
 * @example
 * cycleAccountId('k', cycleOf('never', 0)); // 'key:k'
 * cycleAccountId('k', cycleOf('daily', Date.UTC(2026, 10, 29, 7))); // 'key:k:daily:2026-11-29'
 */
export function cycleAccountId(apiKeyId: string, { reset, startMs }: CreditCycle): string {
  if (reset === 'never') return keyAccountId(apiKeyId);
  return `${keyAccountId(apiKeyId)}:${reset}:${new Date(startMs).toISOString().slice(0, 10)}`;
}

const CYCLE_IN_ID = /:(daily|weekly|monthly):(\d{4}-\d\d-\d\d)$/;

/**
 * The account of a limit, without its cycle: the reverse of `cycleAccountId`.
 *
 * @example
 * limitOf('key:k:daily:2026-11-29'); // 'key:k'
 * limitOf('organization:o'); // 'organization:o'
 */
export function limitOf(accountId: string): string {
  return accountId.replace(CYCLE_IN_ID, '');
}

/**
 * The period that an account is for: the cycle that its id names, else one without bounds.
 *
 * @example
 * cycleOfAccount('key:k:daily:2026-11-29'); // cycleOf('daily', Date.UTC(2026, 10, 29))
 * cycleOfAccount('organization:o'); // cycleOf('never', 0)
 */
export function cycleOfAccount(accountId: string): CreditCycle {
  const [named, reset, day] = CYCLE_IN_ID.exec(accountId) ?? [];
  const startMs = Date.parse(`${day}T00:00:00.000Z`);
  if (named === undefined || Number.isNaN(startMs)) return cycleOf('never', 0);
  const cycle = cycleOf(reset as CreditReset, startMs);
  // Date reads the 31st of February as a day of March; no cycle has that name.
  return accountId.endsWith(cycleAccountId('', cycle).slice(keyAccountId('').length)) ? cycle : cycleOf('never', 0);
}

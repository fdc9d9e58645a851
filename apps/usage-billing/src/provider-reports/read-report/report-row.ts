/** One line of a provider's own report: what it counted of a model on a day. Null where the report does not say it. */
export interface ReportRow {
  /** The day in UTC, `2026-11-29`: providers count by UTC days. */
  readonly day: string;
  /** As the provider names it; null for what belongs to no model. */
  readonly model: string | null;
  readonly costNanoUsd: bigint | null;
  /** All input, also what was read from a cache or written to one. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly requests: number | null;
}

/** The days that a report is about, in UTC: also those of which it has nothing. */
interface ReportDays {
  readonly firstDay: string;
  readonly lastDay: string;
}

/** A report that was read, or the field that cannot be. */
export type ReadReport =
  | ({ readonly kind: 'rows'; readonly rows: readonly ReportRow[] } & ReportDays)
  | { readonly kind: 'invalid'; readonly field: string; readonly message: string };

/** The most lines of one report: a year of days with some 270 models. */
export const REPORT_ROWS_MAX = 100_000;

const COUNTS = ['inputTokens', 'outputTokens', 'requests'] as const;

/**
 * A report with its days, of which there is at least one; `field` is what holds its rows. Its counts are exact up to
 * 2^53 - 1 in all.
 */
export function readReport(rows: readonly ReportRow[], days: readonly string[], field: string): ReadReport {
  const sorted = days.toSorted();
  const [firstDay, lastDay] = [sorted[0], sorted.at(-1)];
  if (firstDay === undefined || lastDay === undefined)
    return { kind: 'invalid', field, message: 'must be about one day at least' };
  for (const name of COUNTS) {
    const total = rows.reduce((sum, row) => sum + (row[name] ?? 0), 0);
    if (total > Number.MAX_SAFE_INTEGER)
      return { kind: 'invalid', field, message: `must have counts of at most ${Number.MAX_SAFE_INTEGER} in all` };
  }
  return { kind: 'rows', rows, firstDay, lastDay };
}

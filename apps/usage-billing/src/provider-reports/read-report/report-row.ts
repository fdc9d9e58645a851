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

/** A report that was read, or the field that cannot be. */
export type ReadReport =
  | { readonly kind: 'rows'; readonly rows: readonly ReportRow[] }
  | { readonly kind: 'invalid'; readonly field: string; readonly message: string };

/** The most lines of one report: a year of days with some 270 models. */
export const REPORT_ROWS_MAX = 100_000;

/** A calendar month in UTC: what one statement is about. */
export interface StatementCycle {
  /** `2026-11`. */
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Years in which there can be usage, as in the usage API. */
const NAME = /^(2[01]\d\d)-(0[1-9]|1[0-2])$/;

/** The first moment of the first cycle. No call was before it. */
export const FIRST_CYCLE_AT = '2000-01-01T00:00:00Z';

/** The month of a name as `2026-11`, of the years 2000 to 2199; null for another text. */
export function statementCycle(name: string): StatementCycle | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const [year, month] = [Number(match[1]), Number(match[2]) - 1];
  return { name, startMs: Date.UTC(year, month, 1), endMs: Date.UTC(year, month + 1, 1) };
}

/** The month that a moment (milliseconds since 1970) lies in. */
export function statementCycleAt(ms: number): StatementCycle {
  return statementCycle(new Date(ms).toISOString().slice(0, 7))!;
}

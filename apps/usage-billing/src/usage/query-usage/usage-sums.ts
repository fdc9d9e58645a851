import { USAGE_OUTCOMES } from '@tollgate/contracts';
import { TOKEN_CLASSES, type TokenClass } from '../roll-ups/roll-up-columns.js';
import type { RefusedByCode } from './read-refused.js';
import type { CellRow, UsageRow } from './usage-statement.js';

type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/** What some calls used, and what they were charged. */
export interface UsageSums {
  readonly requests: number;
  readonly requestsBy: Readonly<Record<UsageOutcome, number>>;
  /** Those of which no price was known. */
  readonly unpricedRequests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly tokens: Readonly<Record<TokenClass, number>>;
  /** By the price book. */
  readonly costNanoUsd: bigint;
  readonly chargeNanoUsd: bigint;
  /** Histograms of latencies, as the roll-ups have them; null without samples. */
  readonly firstByte: string | null;
  readonly duration: string | null;
  /** Calls that a gateway refused, by code; null where refusals are not told apart as the sums are. */
  readonly refused: RefusedByCode | null;
}

function counts<Name extends string>(names: readonly Name[], of: (name: Name) => number): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, number>;
}

/** The sums of no call. */
export const NO_USE: UsageSums = {
  requests: 0,
  requestsBy: counts(USAGE_OUTCOMES, () => 0),
  unpricedRequests: 0,
  inputTokens: 0,
  outputTokens: 0,
  tokens: counts(TOKEN_CLASSES, () => 0),
  costNanoUsd: 0n,
  chargeNanoUsd: 0n,
  firstByte: null,
  duration: null,
  refused: null,
};

/** The sums of no call, where refused ones are told apart. */
export const NOTHING_REFUSED: UsageSums = { ...NO_USE, refused: {} };

/** The sums of a row. */
export function usageSumsOf(row: UsageRow): UsageSums {
  return {
    requests: Number(row.requests ?? 0),
    requestsBy: counts(USAGE_OUTCOMES, (outcome) => Number(row[`outcome_${outcome}`] ?? 0)),
    unpricedRequests: Number(row.unpriced_requests ?? 0),
    inputTokens: Number(row.input_tokens ?? 0),
    outputTokens: Number(row.output_tokens ?? 0),
    tokens: counts(TOKEN_CLASSES, (name) => Number(row[`${name}_tokens`] ?? 0)),
    costNanoUsd: BigInt(row.cost_nano_usd ?? 0),
    chargeNanoUsd: BigInt(row.charge_nano_usd ?? 0),
    firstByte: row.first_byte,
    duration: row.duration,
    refused: refusedIn(row),
  };
}

/** Refused calls of a row by code; null where they were not read. */
export const refusedIn = ({ refused }: Pick<CellRow, 'refused'>): RefusedByCode | null =>
  refused === undefined ? null : (refused ?? {});

/**
 * The sums of the calls of all. Refusals are null where they are so in any of them, and of none at all as `refused`
 * says.
 */
export function sumsOfAll(all: readonly UsageSums[], refused: RefusedByCode | null): UsageSums {
  const sum = (of: (sums: UsageSums) => number): number => all.reduce((before, each) => before + of(each), 0);
  const amount = (of: (sums: UsageSums) => bigint): bigint => all.reduce((before, each) => before + of(each), 0n);
  return {
    requests: sum(({ requests }) => requests),
    requestsBy: counts(USAGE_OUTCOMES, (outcome) => sum(({ requestsBy }) => requestsBy[outcome])),
    unpricedRequests: sum(({ unpricedRequests }) => unpricedRequests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    tokens: counts(TOKEN_CLASSES, (name) => sum(({ tokens }) => tokens[name])),
    costNanoUsd: amount(({ costNanoUsd }) => costNanoUsd),
    chargeNanoUsd: amount(({ chargeNanoUsd }) => chargeNanoUsd),
    firstByte: addHistograms(all.map(({ firstByte }) => firstByte)),
    duration: addHistograms(all.map(({ duration }) => duration)),
    refused: all.reduce((before, each) => addCodes(before, each.refused), refused),
  };
}

function addCodes(one: RefusedByCode | null, other: RefusedByCode | null): RefusedByCode | null {
  if (one === null || other === null) return null;
  const codes = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return Object.fromEntries(codes.map((code) => [code, (one[code] ?? 0) + (other[code] ?? 0)]));
}

function addHistograms(all: readonly (string | null)[]): string | null {
  const measured = all.filter((each) => each !== null);
  return measured.length === 0 ? null : measured.reduce((sum, each) => sum + BigInt(each), 0n).toString();
}

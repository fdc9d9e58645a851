/** What one key used of one model in a cycle, as the ledger has charged it. */
export interface UsageLine {
  readonly apiKeyId: string;
  /** The last name that is known of the key; null for none. */
  readonly apiKeyName: string | null;
  readonly projectId: string | null;
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The sum of what its requests were charged: never a quantity times a price, which would round once more. */
  readonly chargedNanoUsd: bigint;
}

/**
 * The price of a subscription's cycle, or the difference of an upgrade in the middle of one; or, with an amount below
 * zero, the refund of either.
 */
export interface FeeLine {
  readonly subscriptionId: string;
  readonly description: string;
  readonly chargedAt: string;
  readonly amountNanoUsd: bigint;
}

/** What a cycle did to an organisation's prepaid credit. Opening + granted − expired − charged = closing. */
export interface PrepaidCredit {
  readonly openingNanoUsd: bigint;
  readonly grantedNanoUsd: bigint;
  readonly expiredNanoUsd: bigint;
  readonly chargedNanoUsd: bigint;
  readonly closingNanoUsd: bigint;
}

/** What is written into a statement. All of it is of one organisation and one cycle: a calendar month in UTC. */
export interface StatementContent {
  readonly organizationId: string;
  readonly organizationName: string | null;
  /** The month, `2026-11`. */
  readonly cycle: string;
  readonly usage: readonly UsageLine[];
  readonly fees: readonly FeeLine[];
  /** The part of the usage that quotas of subscriptions have paid for, whose prices are among the fees. */
  readonly includedNanoUsd: bigint;
  /** Null for an organisation that has never had any. */
  readonly credit: PrepaidCredit | null;
}

/** The sums of a statement. Each is the sum of its lines. */
export interface StatementTotals {
  readonly requests: number;
  readonly usageNanoUsd: bigint;
  readonly feesNanoUsd: bigint;
  /** Usage and fees. */
  readonly totalNanoUsd: bigint;
  /** The total without what quotas of subscriptions and prepaid credit have paid for. */
  readonly dueNanoUsd: bigint;
}

/** Adds up the lines of a statement. */
export function totalsOf({
  usage,
  fees,
  includedNanoUsd,
  credit,
}: Pick<StatementContent, 'usage' | 'fees' | 'includedNanoUsd' | 'credit'>): StatementTotals {
  let requests = 0;
  let usageNanoUsd = 0n;
  for (const line of usage) {
    requests += line.requests;
    usageNanoUsd += line.chargedNanoUsd;
  }
  const feesNanoUsd = fees.reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
  const totalNanoUsd = usageNanoUsd + feesNanoUsd;
  const dueNanoUsd = totalNanoUsd - includedNanoUsd - (credit?.chargedNanoUsd ?? 0n);
  return { requests, usageNanoUsd, feesNanoUsd, totalNanoUsd, dueNanoUsd };
}

/** A version of a statement. */
export interface Statement extends StatementContent {
  /** `open` while its cycle lasts, and until what was under way at its end is booked. */
  readonly status: 'open' | 'issued';
  /** 1 for the first that was issued; each that differs from the one before adds one. 0 while it is open. */
  readonly revision: number;
  readonly issuedAt: Date | null;
}

/**
 * Whether two contents say the same about money. A name that has changed since makes no new revision: a statement keeps
 * the names that it was issued with.
 */
export function sameAmounts(one: StatementContent, other: StatementContent): boolean {
  return amountsText(one) === amountsText(other);
}

function amountsText({ usage, fees, includedNanoUsd, credit }: StatementContent): string {
  const lines = usage
    .map((line) =>
      JSON.stringify([
        line.apiKeyId,
        line.projectId,
        line.provider,
        line.model,
        line.requests,
        `${line.chargedNanoUsd}`,
      ]),
    )
    .sort();
  const ofFees = fees
    .map((line) => JSON.stringify([line.subscriptionId, line.chargedAt, `${line.amountNanoUsd}`]))
    .sort();
  const ofCredit =
    credit === null
      ? null
      : [credit.openingNanoUsd, credit.grantedNanoUsd, credit.expiredNanoUsd, credit.chargedNanoUsd].map(String);
  return JSON.stringify([lines, ofFees, `${includedNanoUsd}`, ofCredit]);
}

/** Whether nothing happened in a month, and nothing was left of what came before: then it has no statement. */
export function isEmpty({ usage, fees, credit }: Pick<StatementContent, 'usage' | 'fees' | 'credit'>): boolean {
  const isNoCredit = credit === null || Object.values(credit).every((amount) => amount === 0n);
  return usage.length === 0 && fees.length === 0 && isNoCredit;
}

import { Inject, Injectable, Optional } from '@nestjs/common';
import { grantAccountId } from '@tollgate/api-key';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AccountBalances, type AccountBalance } from '../../balances/account-balances.js';
import { balanceOf } from '../../grants/grant.js';
import type { FeeLine, PrepaidCredit, StatementContent, UsageLine } from '../build/statement.js';
import type { StatementCycle } from '../build/statement-cycle.js';
import { FEE_AT, FEES } from './fees.js';

interface UsageRow {
  api_key_id: string;
  api_key_name: string | null;
  project_id: string | null;
  provider: string;
  model: string;
  requests: string;
  input_tokens: string;
  output_tokens: string;
  charged: string;
}

interface CreditRow {
  /** What was given before the cycle, without what lapsed of closed grants and what was charged before it. */
  opening: string;
  granted: string;
  /** What lapsed of closed grants within the cycle. */
  expired: string;
  charged: string;
  grants: string;
  ending: EndingGrant[] | null;
}

/** A grant that has expired, but may change: calls in flight may hold it, or nobody has looked since. */
interface EndingGrant {
  id: string;
  amount: string;
  expires_at: string;
  expired: string;
}

/** What of the credit is in the ledger, and what follows from the clock. */
interface CreditFacts {
  readonly row: CreditRow;
  readonly ending: readonly EndingGrant[];
}

/** Reads from the ledger what a statement says. */
@Injectable()
export class StatementFacts {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(AccountBalances) private readonly balances: Pick<AccountBalances, 'of'>,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownOwners'> | null = null,
  ) {}

  /**
   * What the ledger has of a cycle, in one snapshot of the database. What has lapsed at `now` follows from the clock,
   * as in `GET /v1/credits`, whether it is booked or not: what calls in flight hold may still be charged, and is left.
   */
  async read(organizationId: string, cycle: StatementCycle, now: Date): Promise<StatementContent> {
    const organizationName = await this.nameOf(organizationId);
    const { credit, ...lines } = await this.database.inOrganization(organizationId, (manager) =>
      readLines(manager, organizationId, cycle, now),
    );
    const ids = credit?.ending.map(({ id }) => grantAccountId(id)) ?? [];
    const accounts = await this.balances.of(organizationId, ids);
    return {
      organizationId,
      organizationName,
      cycle: cycle.name,
      ...lines,
      credit: credit === null ? null : creditOf(credit, accounts, cycle, now),
    };
  }

  /** Null where key-management cannot be asked. An organisation that was deleted keeps its name. */
  private async nameOf(organizationId: string): Promise<string | null> {
    const known = await this.keyManagement?.knownOwners({ organizationId }).catch(() => null);
    return known?.organizationName ?? null;
  }
}

/** The lines of a statement. The database is asked once, so that what is booked meanwhile is in all of them or none. */
async function readLines(
  manager: EntityManager,
  organizationId: string,
  { startMs, endMs }: StatementCycle,
  now: Date,
): Promise<Pick<StatementContent, 'usage' | 'fees' | 'includedNanoUsd'> & { readonly credit: CreditFacts | null }> {
  const period = [organizationId, new Date(startMs), new Date(endMs), now];
  const [row]: { usage: UsageRow[] | null; fees: FeeRow[] | null; credit: CreditRow; included: string }[] =
    await manager.query(
      `SELECT (SELECT jsonb_agg(to_jsonb(line)) FROM (${USAGE_LINES}) AS line) AS usage,
       (SELECT jsonb_agg(to_jsonb(line)) FROM (${FEE_LINES}) AS line) AS fees,
       (SELECT to_jsonb(line) FROM (${CREDIT}) AS line) AS credit, (${INCLUDED}) AS included`,
      period,
    );
  return {
    usage: (row?.usage ?? []).map(usageLine),
    fees: (row?.fees ?? []).map(feeLine),
    includedNanoUsd: BigInt(row?.included ?? 0),
    credit: row === undefined ? null : { row: row.credit, ending: row.credit.ending ?? [] },
  };
}

/**
 * By whole days: the day of a call is the one that its credit was held in. Amounts are texts, since JSON has no whole
 * numbers beyond 2^53. Indexes: usage_dimension_by_grain, usage_day_pk.
 */
const USAGE_LINES = `
  SELECT d.api_key_id, max(n.name) AS api_key_name, d.project_id, d.provider, d.model, sum(u.requests)::text AS requests,
    sum(u.input_tokens)::text AS input_tokens, sum(u.output_tokens)::text AS output_tokens, sum(u.charge_nano_usd)::text AS charged
  FROM billing.usage_dimension AS d JOIN billing.usage_day AS u USING (dimension_id)
  LEFT JOIN billing.usage_name AS n ON n.organization_id = d.organization_id AND n.kind = 'api_key' AND n.id = d.api_key_id
  WHERE d.organization_id = $1 AND d.grain = 'full' AND u.at >= $2 AND u.at < $3
  GROUP BY d.api_key_id, d.project_id, d.provider, d.model ORDER BY d.api_key_id, d.provider, d.model, d.project_id`;

/** Of all fees, which are few. Indexes: transfer_of_credit, subscription_charge_id_unique, plan_pk. */
const FEE_LINES = `
  SELECT t.account_id, t.kind, t.amount_nano_usd::text AS amount, t.created_at, c.subscription_id, c.starts_at, c.ends_at, c.sequence, p.name AS plan
  FROM ${FEES} LEFT JOIN billing.plan AS p ON p.id = c.plan_id
  WHERE t.organization_id = $1 AND t.kind IN ('fee', 'refund') AND ${FEE_AT} >= $2 AND ${FEE_AT} < $3
  ORDER BY t.created_at, t.request_id, t.kind`;

/**
 * What lapsed counts by `expires_at`, and not by when its transfer was written. Indexes: transfer_of_credit,
 * grant_of_organization_by_expiry, account_usage_month_pk.
 */
const CREDIT = `
  SELECT given.grants, given.granted::text, lapsed.within::text AS expired, lapsed.ending, used.charged::text,
    (given.opening - lapsed.before - used.opening)::text AS opening
  FROM (
    SELECT count(*) AS grants, coalesce(sum(amount_nano_usd) FILTER (WHERE created_at >= $2), 0) AS granted,
      coalesce(sum(amount_nano_usd) FILTER (WHERE created_at < $2), 0) AS opening
    FROM billing.transfer WHERE organization_id = $1 AND kind = 'grant' AND created_at < $3) AS given,
  (
    SELECT coalesce(sum(expired_nano_usd) FILTER (WHERE closed_at IS NOT NULL AND expires_at >= $2), 0) AS within,
      coalesce(sum(expired_nano_usd) FILTER (WHERE closed_at IS NOT NULL AND expires_at < $2), 0) AS before,
      jsonb_agg(jsonb_build_object('id', id, 'amount', amount_nano_usd::text, 'expires_at', expires_at, 'expired', expired_nano_usd::text))
        FILTER (WHERE closed_at IS NULL) AS ending
    FROM billing.grant WHERE organization_id = $1 AND expires_at < $3 AND expires_at <= $4) AS lapsed,
  (
    SELECT coalesce(sum(charge_nano_usd) FILTER (WHERE cycle >= ($2 AT TIME ZONE 'UTC')::date), 0) AS charged,
      coalesce(sum(charge_nano_usd) FILTER (WHERE cycle < ($2 AT TIME ZONE 'UTC')::date), 0) AS opening
    FROM billing.account_usage_month
    WHERE organization_id = $1 AND account_id LIKE 'grant:%' AND cycle < ($3 AT TIME ZONE 'UTC')::date) AS used`;

/** Index: account_usage_month_pk. */
const INCLUDED = `
  SELECT coalesce(sum(charge_nano_usd), 0)::text FROM billing.account_usage_month
  WHERE organization_id = $1 AND account_id LIKE 'subscription:%'
    AND cycle >= ($2 AT TIME ZONE 'UTC')::date AND cycle < ($3 AT TIME ZONE 'UTC')::date`;

interface FeeRow {
  account_id: string;
  kind: 'fee' | 'refund';
  amount: string;
  created_at: string;
  /** Null, as all that follows, for a fee that is none of a subscription. */
  subscription_id: string | null;
  starts_at: string | null;
  ends_at: string | null;
  sequence: number | null;
  plan: string | null;
}

function usageLine(row: UsageRow): UsageLine {
  return {
    apiKeyId: row.api_key_id,
    apiKeyName: row.api_key_name,
    projectId: row.project_id,
    provider: row.provider,
    model: row.model,
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    chargedNanoUsd: BigInt(row.charged),
  };
}

function feeLine(row: FeeRow): FeeLine {
  return {
    subscriptionId: row.subscription_id ?? row.account_id,
    description: feeText(row),
    chargedAt: new Date(row.created_at).toISOString(),
    amountNanoUsd: BigInt(row.amount),
  };
}

/** The first charge of a cycle is its price; each later one the difference of an upgrade in the middle of it. */
function feeText({ kind, plan, starts_at, ends_at, sequence }: FeeRow): string {
  if (plan === null || starts_at === null || ends_at === null) return '';
  const charged = sequence === 0 ? plan : `Upgrade to ${plan}`;
  const what = kind === 'refund' ? `Refund of ${charged}` : charged;
  return `${what}, ${dayText(starts_at)} to ${dayText(ends_at)}`;
}

const dayText = (moment: string): string => new Date(moment).toISOString().slice(0, 10);

function creditOf(
  { row, ending }: CreditFacts,
  accounts: (accountId: string) => AccountBalance,
  { startMs }: StatementCycle,
  now: Date,
): PrepaidCredit | null {
  if (Number(row.grants) === 0) return null;
  let [openingNanoUsd, expiredNanoUsd] = [BigInt(row.opening), BigInt(row.expired)];
  for (const { id, amount, expires_at: at, expired } of ending) {
    const expiresAt = new Date(at);
    const grant = { amountNanoUsd: BigInt(amount), expiresAt, expiredNanoUsd: BigInt(expired) };
    const lapsed = balanceOf(grant, accounts(grantAccountId(id)), now).expiredNanoUsd;
    if (expiresAt.getTime() < startMs) openingNanoUsd -= lapsed;
    else expiredNanoUsd += lapsed;
  }
  const [grantedNanoUsd, chargedNanoUsd] = [BigInt(row.granted), BigInt(row.charged)];
  const closingNanoUsd = openingNanoUsd + grantedNanoUsd - expiredNanoUsd - chargedNanoUsd;
  return { openingNanoUsd, grantedNanoUsd, expiredNanoUsd, chargedNanoUsd, closingNanoUsd };
}

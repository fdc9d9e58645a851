import { grantAccountId } from '@tollgate/api-key';
import { uuid, type UsageRecorded } from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import { binaryArray } from '../../store/binary-array.js';
import { accountsInForce, othersInForce } from '../book-usage/accounts-in-force.js';
import { wasHeld } from '../book-usage/share-charge.js';
import { PLATFORM, type AccountState } from '../account.js';
import type { BookedOrphan } from './booked-orphan.js';

interface OrphanRow {
  request_id: string;
  organization_id: string;
  api_key_id: string;
  accounts: UsageRecorded['accounts'];
  hold: string | null;
  started_at: Date;
  input_tokens: string;
  output_tokens: string;
  cost: string;
  charge: string;
  group_ids: readonly string[] | null;
  route_group_id: string | null;
  other_route_group_ids: readonly string[] | null;
  project_id: string | null;
  charges: readonly { readonly account_id: string; readonly amount: string }[] | null;
  charged_at: string | null;
}

/** An orphan's event, and when its charges were written: what was loaded since counts it. */
export interface FoundOrphan extends BookedOrphan {
  readonly chargedAt: string | null;
}

/** Indexes: usage_event_pk, usage_event_facts_pk, transfer_pk. */
const ORPHANS = `SELECT e.request_id, e.organization_id, e.api_key_id, e.accounts, e.hold_nano_usd AS hold, e.started_at,
    e.input_tokens, e.output_tokens, e.cost_nano_usd AS cost, e.charge_nano_usd AS charge,
    coalesce(f.group_ids, e.group_ids) AS group_ids, coalesce(f.route_group_id, e.route_group_id) AS route_group_id,
    coalesce(f.other_route_group_ids, e.other_route_group_ids) AS other_route_group_ids,
    coalesce(f.project_id, e.project_id) AS project_id, charged.charges, charged.charged_at::text
  FROM billing.usage_event AS e LEFT JOIN billing.usage_event_facts AS f USING (request_id)
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('account_id', t.account_id, 'amount', t.amount_nano_usd::text)) AS charges,
        min(t.created_at) AS charged_at
      FROM billing.transfer AS t WHERE t.request_id = e.request_id AND t.kind IN ('post', 'adjust', 'platform_loss')) AS charged
  WHERE e.request_id = ANY($1::uuid[]) AND e.outcome = 'orphaned'`;

/** Index: transfer_by_account. */
const LOADED_SINCE = `SELECT asked.place FROM unnest($1::text[], $2::timestamptz[]) WITH ORDINALITY AS asked (account_id, since, place)
  WHERE EXISTS (
    SELECT FROM billing.transfer AS t
    WHERE t.account_id = asked.account_id AND t.kind = 'opening' AND t.created_at > asked.since)`;

const TAKE_OUT = 'SELECT billing.take_out_orphans($1::uuid[]) AS taken';

/** Indexes: grant_by_id, account_pk. */
const REOPEN = `WITH reopened AS (UPDATE billing.grant SET closed_at = NULL WHERE id = ANY($1::uuid[]) AND closed_at IS NOT NULL)
  UPDATE billing.account SET closed_at = NULL WHERE account_id = ANY($2::text[]) AND closed_at IS NOT NULL`;

/** Index: key_usage_pk. */
const TAKE_OUT_OF_KEYS = `UPDATE billing.key_usage AS k SET requests = k.requests - gone.requests, input_tokens = k.input_tokens - gone.input,
    output_tokens = k.output_tokens - gone.output, cost_nano_usd = greatest(0, k.cost_nano_usd - gone.cost),
    charge_nano_usd = k.charge_nano_usd - gone.charge, corrections = k.corrections + 2 * gone.requests
  FROM (
    SELECT api_key_id, count(*) AS requests, sum(input)::bigint AS input, sum(output)::bigint AS output,
      sum(cost)::bigint AS cost, sum(charge)::bigint AS charge
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS one (api_key_id, input, output, cost, charge)
    GROUP BY 1) AS gone
  WHERE k.api_key_id = gone.api_key_id`;

/** Reads the events of orphans among these requests, which the caller knows to be booked by some. */
export async function readOrphans(manager: EntityManager, requestIds: readonly string[]): Promise<FoundOrphan[]> {
  if (requestIds.length === 0) return [];
  const rows: OrphanRow[] = await manager.query(ORPHANS, [binaryArray('uuid', requestIds)]);
  return rows.map(orphanOf);
}

/**
 * The orphans with the charges of accounts that have none of their transfers, and counted them when they were loaded:
 * the limit began after the orphan was booked.
 */
export async function withLoadedAccounts(
  manager: EntityManager,
  orphans: readonly FoundOrphan[],
  accounts: ReadonlyMap<string, AccountState>,
): Promise<readonly BookedOrphan[]> {
  if (orphans.length === 0) return orphans;
  const inForce = accountsInForce(accounts);
  const asked = orphans.flatMap((orphan) => {
    const charged = new Set(orphan.charges.map(({ accountId }) => accountId));
    const others = othersInForce(orphan, inForce).filter((accountId) => !charged.has(accountId));
    return others.map((accountId) => ({ orphan, accountId }));
  });
  if (asked.length === 0) return orphans;
  const rows: { place: string }[] = await manager.query(LOADED_SINCE, [
    asked.map(({ accountId }) => accountId),
    asked.map(({ orphan }) => orphan.chargedAt),
  ]);
  const loaded = new Set(rows.map(({ place }) => asked[Number(place) - 1]));
  return orphans.map((orphan) => {
    const more = asked.filter((each) => each.orphan === orphan && loaded.has(each));
    const amountNanoUsd = orphan.chargeNanoUsd;
    return {
      ...orphan,
      charges: [...orphan.charges, ...more.map(({ accountId }) => ({ accountId, amountNanoUsd, isHeld: false }))],
    };
  });
}

/**
 * Takes events of orphans out of the ledger's events and of all sums of them, in the transaction that has written the
 * corrections of their charges and books their finals.
 * @throws if one of them is not there any more
 */
export async function takeOutOrphans(manager: EntityManager, requestIds: readonly string[]): Promise<void> {
  const [row] = await manager.query<{ taken: string }[]>(TAKE_OUT, [binaryArray('uuid', requestIds)]);
  if (Number(row?.taken) !== requestIds.length) throw new Error('the event of an orphan is not there any more');
}

/** Takes orphans out of the sums of their keys. The caller has locked these, by adding the finals. */
export async function takeOutOfKeys(manager: EntityManager, orphans: readonly BookedOrphan[]): Promise<void> {
  await manager.query(TAKE_OUT_OF_KEYS, [
    orphans.map(({ apiKeyId }) => apiKeyId),
    orphans.map(({ inputTokens }) => inputTokens),
    orphans.map(({ outputTokens }) => outputTokens),
    orphans.map(({ costNanoUsd }) => costNanoUsd.toString()),
    orphans.map(({ chargeNanoUsd }) => chargeNanoUsd.toString()),
  ]);
}

/** Grants that were used up or had lapsed, and have credit again: they are looked at anew (`EndGrants`). */
export async function reopenGrants(manager: EntityManager, accountIds: readonly string[]): Promise<void> {
  const ids = accountIds.flatMap((accountId) => {
    const id = accountId.slice(grantAccountId('').length);
    return accountId.startsWith(grantAccountId('')) && uuid.safeParse(id).success ? [id] : [];
  });
  if (ids.length > 0) await manager.query(REOPEN, [ids, ids.map(grantAccountId)]);
}

function orphanOf(row: OrphanRow): FoundOrphan {
  const { accounts, charged_at: chargedAt } = row;
  const charged = (row.charges ?? []).map(({ account_id: accountId, amount }) => ({
    accountId,
    amountNanoUsd: BigInt(amount),
    isHeld: accounts.some((named) => named.accountId === accountId && wasHeld(named, row.hold)),
  }));
  return {
    requestId: row.request_id,
    organizationId: row.organization_id,
    apiKeyId: row.api_key_id,
    accounts,
    startedAt: row.started_at.toISOString(),
    routeGroupId: row.route_group_id,
    otherRouteGroupIds: [...(row.other_route_group_ids ?? [])],
    groupIds: row.group_ids === null ? null : [...row.group_ids],
    projectId: row.project_id,
    charges: charged.filter(({ accountId }) => accountId !== PLATFORM),
    chargeNanoUsd: BigInt(row.charge),
    costNanoUsd: BigInt(row.cost),
    lossNanoUsd: charged.find(({ accountId }) => accountId === PLATFORM)?.amountNanoUsd ?? 0n,
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    chargedAt,
  };
}

import type { EntityManager } from 'typeorm';
import { kindOfAccount } from '@tollgate/api-key';
import type { AccountState } from '../../ledger/account.js';
import { levelChangeOf, together, type ArmedAgain, type LevelChanges } from '../credit-level.js';

/** How much an organisation has used of the prepaid credit that it had with its last grant. Amounts are nano-USD. */
export interface PrepaidBalance {
  readonly usedNanoUsd: bigint;
  /** 100 %: what was left when it was given credit last, and what it was given then. */
  readonly limitNanoUsd: bigint;
}

/** What alerts call the balance of an organisation, where they name an account. */
export const balanceAccountId = (organizationId: string): string => `balance:${organizationId}`;

interface BalanceRow {
  organization_id: string;
  base: string;
  left: string;
}

/** Indexes: organization_terms_pk, grant_open, account_pk. */
const BALANCES = `
  SELECT o.organization_id, coalesce(max(t.balance_base_nano_usd), sum(g.amount_nano_usd), 0) AS base,
    coalesce(sum(greatest(g.amount_nano_usd - coalesce(a.posted_nano_usd, 0), 0)), 0) AS left
  FROM unnest($1::text[]) AS o (organization_id)
  LEFT JOIN billing.organization_terms AS t ON t.organization_id = o.organization_id
  LEFT JOIN billing.grant AS g ON g.organization_id = o.organization_id AND g.closed_at IS NULL
    AND (g.expires_at IS NULL OR g.expires_at > $2)
  LEFT JOIN billing.account AS a ON a.account_id = 'grant:' || g.id
  GROUP BY o.organization_id`;

/** Index: organization_terms_pk. */
const SET_BASE = 'UPDATE billing.organization_terms SET balance_base_nano_usd = $2 WHERE organization_id = $1';

/**
 * The balances of organisations at `now`. Credit that has expired counts as used; what calls in flight hold does not
 * until it is charged.
 */
export async function readBalances(
  manager: EntityManager,
  organizationIds: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, PrepaidBalance>> {
  const rows = await manager.query<BalanceRow[]>(BALANCES, [organizationIds, now]);
  return new Map(
    rows.map((row) => {
      const [base, left] = [BigInt(row.base), BigInt(row.left)];
      return [row.organization_id, { usedNanoUsd: left > base ? 0n : base - left, limitNanoUsd: base }];
    }),
  );
}

/**
 * Lets the balance count anew after a grant, in the transaction about the organisation that has given it: what is there
 * now is 100 %. Returns what that arms again.
 */
export async function startBalance(manager: EntityManager, organizationId: string, now: Date): Promise<ArmedAgain> {
  const [row] = await manager.query<BalanceRow[]>(BALANCES, [[organizationId], now]);
  await manager.query(SET_BASE, [organizationId, row?.left ?? '0']);
  return { accountId: balanceAccountId(organizationId), level: 0 };
}

/** What it means for the alerts of a balance that so much of it was used, where `before` was used earlier. */
export function balanceChangeOf(organizationId: string, beforeNanoUsd: bigint, balance: PrepaidBalance): LevelChanges {
  const filling = (postedNanoUsd: bigint) => ({
    organizationId,
    apiKeyId: null,
    postedNanoUsd,
    capNanoUsd: balance.limitNanoUsd,
    // Only a grant arms a balance again: a booking that is corrected downwards does not.
    forGood: false,
  });
  return levelChangeOf(balanceAccountId(organizationId), filling(beforeNanoUsd), filling(balance.usedNanoUsd));
}

/**
 * What a booking means for the alerts of balances, in its transaction and after its accounts were written. It asks the
 * database only where grants are charged.
 */
export async function balanceChanges(
  manager: EntityManager,
  before: ReadonlyMap<string, AccountState>,
  after: ReadonlyMap<string, AccountState>,
  now: Date,
): Promise<LevelChanges> {
  const charged = new Map<string, bigint>();
  for (const [accountId, { organizationId, postedNanoUsd }] of after) {
    if (kindOfAccount(accountId) !== 'grant') continue;
    const more = postedNanoUsd - (before.get(accountId)?.postedNanoUsd ?? 0n);
    charged.set(organizationId, (charged.get(organizationId) ?? 0n) + more);
  }
  if (charged.size === 0) return { crossings: [], armedAgain: [] };
  const balances = await readBalances(manager, [...charged.keys()], now);
  return together(
    [...balances].map(([organizationId, balance]) =>
      balanceChangeOf(organizationId, balance.usedNanoUsd - (charged.get(organizationId) ?? 0n), balance),
    ),
  );
}

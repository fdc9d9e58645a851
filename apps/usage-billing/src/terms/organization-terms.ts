import { Injectable } from '@nestjs/common';
import type { StoredPriceOverrides } from '@tollgate/config';
import { ORGANIZATIONS_CHANGED_V1, type OrganizationsChangedV1 } from '@tollgate/contracts';
import { oneRow } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { CreditReset } from '@tollgate/api-key';
import { BillingRelay } from '../relay/billing-relay.js';

/** How an organisation pays: by prepaid credit, or afterwards. */
export const BALANCES = ['postpaid', 'prepaid'] as const;
export type Balance = (typeof BALANCES)[number];

/** What is agreed with an organisation. */
export interface Terms {
  /** Grows with each change that gateways must know of; 0 where nothing was agreed yet. */
  readonly version: number;
  readonly balance: Balance;
  /** Added to the cost of each call, in millionths of it: 50,000 is 5 %. */
  readonly markupMillionths: number;
  /** Prices of its own; null where it pays what everybody does. */
  readonly prices: StoredPriceOverrides | null;
}

interface TermsRow {
  version: string;
  balance: Balance;
  markup_millionths: number;
  price_version: string | null;
  prices: StoredPriceOverrides['entries'] | null;
}

interface BudgetRow {
  kind: 'group' | 'project';
  owner_id: string;
  cap_nano_usd: string;
  credit_reset: CreditReset;
  generation: string;
  raise_nano_usd: string | null;
  raise_until: Date | null;
}

interface GrantRow {
  id: string;
  amount_nano_usd: string;
  expires_at: Date | null;
}

const NOTHING_AGREED: Terms = { version: 0, balance: 'postpaid', markupMillionths: 0, prices: null };

/** Indexes: organization_terms_pk, organization_price_version_pk. */
const READ = `SELECT t.version, t.balance, t.markup_millionths, t.price_version, p.prices FROM billing.organization_terms AS t
  LEFT JOIN billing.organization_price_version AS p ON p.organization_id = t.organization_id AND p.version = t.price_version
  WHERE t.organization_id = $1`;

/** Index: organization_terms_pk. */
const SAVE = `UPDATE billing.organization_terms SET version = $2, balance = $3, markup_millionths = $4, price_version = $5
  WHERE organization_id = $1`;

/** Index: budget_of_owner_unique. */
const BUDGETS = `SELECT kind, owner_id, cap_nano_usd, credit_reset, generation, raise_nano_usd, raise_until FROM billing.budget
  WHERE organization_id = $1 ORDER BY kind, owner_id`;

/** As credit is spent: what expires soonest, then what never expires, of these the oldest. Index: grant_open. */
const GRANTS = `SELECT id, amount_nano_usd, expires_at FROM billing.grant
  WHERE organization_id = $1 AND closed_at IS NULL AND live ORDER BY expires_at NULLS LAST, created_at, id`;

/**
 * What is agreed with organisations about their credit. Gateways hear of each change by key-management: the whole state
 * goes to the bus with a version, so that an older message never replaces a newer one.
 */
@Injectable()
export class OrganizationTerms {
  constructor(private readonly relay: BillingRelay) {
    relay.publishes(ORGANIZATIONS_CHANGED_V1);
  }

  /** What is agreed, in the caller's transaction about the organisation. */
  async read(manager: EntityManager, organizationId: string): Promise<Terms> {
    const [row] = await manager.query<TermsRow[]>(READ, [organizationId]);
    return row === undefined ? NOTHING_AGREED : termsOf(row);
  }

  /**
   * Locks the terms until the end of the caller's transaction, which is about the organisation. All that changes its
   * budgets, grants or terms takes this lock first.
   */
  async lock(manager: EntityManager, organizationId: string): Promise<Terms> {
    await manager.query(
      'INSERT INTO billing.organization_terms (organization_id) VALUES ($1) ON CONFLICT ON CONSTRAINT organization_terms_pk DO NOTHING',
      [organizationId],
    );
    return termsOf(oneRow(await manager.query<TermsRow[]>(`${READ} FOR UPDATE OF t`, [organizationId])));
  }

  /**
   * Writes the next version of locked terms, and the message about them with all budgets and grants as they are now.
   * Call `announced` after the commit. `terms.version` is that before the change.
   */
  async save(manager: EntityManager, organizationId: string, terms: Terms): Promise<void> {
    const version = terms.version + 1;
    const priceVersion = terms.prices?.version ?? null;
    await manager.query(SAVE, [organizationId, version, terms.balance, terms.markupMillionths, priceVersion]);
    await this.relay.outbox.add(manager, {
      effect: ORGANIZATIONS_CHANGED_V1,
      key: organizationId,
      payload: JSON.stringify(await messageOf(manager, organizationId, { ...terms, version })),
    });
  }

  /**
   * The last message about an organisation; null where there was none yet. No change is under way meanwhile, so that
   * its budgets and grants are those of its version.
   */
  async told(manager: EntityManager, organizationId: string): Promise<OrganizationsChangedV1 | null> {
    const [row] = await manager.query<TermsRow[]>(`${READ} FOR SHARE OF t`, [organizationId]);
    const terms = row === undefined ? NOTHING_AGREED : termsOf(row);
    return terms.version === 0 ? null : messageOf(manager, organizationId, terms);
  }

  /** Tells of a committed change at once. */
  announced(): void {
    this.relay.wake();
  }
}

async function messageOf(
  manager: EntityManager,
  organizationId: string,
  { version, balance, markupMillionths, prices }: Terms,
): Promise<OrganizationsChangedV1> {
  const budgets = await manager.query<BudgetRow[]>(BUDGETS, [organizationId]);
  const grants = balance === 'postpaid' ? null : await manager.query<GrantRow[]>(GRANTS, [organizationId]);
  return {
    eventVersion: 1,
    organizationId,
    version,
    budgets: budgets.map(budgetOf),
    grants: grants?.map(grantOf) ?? null,
    markupMillionths,
    ...(prices !== null && { prices }),
  };
}

const termsOf = (row: TermsRow): Terms => ({
  version: Number(row.version),
  balance: row.balance,
  markupMillionths: row.markup_millionths,
  prices:
    row.price_version === null || row.prices === null ? null : { version: row.price_version, entries: row.prices },
});

function budgetOf(row: BudgetRow): OrganizationsChangedV1['budgets'][number] {
  const { raise_nano_usd: amountNanoUsd, raise_until: until } = row;
  return {
    kind: row.kind,
    ownerId: row.owner_id,
    capNanoUsd: row.cap_nano_usd,
    reset: row.credit_reset,
    generation: Number(row.generation),
    raise: amountNanoUsd === null || until === null ? null : { amountNanoUsd, untilMs: until.getTime() },
  };
}

const grantOf = (row: GrantRow) => ({
  grantId: row.id,
  amountNanoUsd: row.amount_nano_usd,
  expiresAtMs: row.expires_at?.getTime() ?? null,
});

import { Injectable } from '@nestjs/common';
import type { CreditReset } from '@tollgate/api-key';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { utcDay } from '../store/utc-day.js';
import type { Budget, BudgetKind } from './budget.js';

/** Where a budget stands in the list: when it was made, to the microsecond, and its id. */
export type BudgetPosition = readonly [createdAt: string, id: string];

/** A budget in a list. */
export interface ListedBudget {
  readonly budget: Budget;
  readonly position: BudgetPosition;
}

/** Whose budget it is. */
type BudgetOwner = Pick<Budget, 'organizationId' | 'kind' | 'ownerId'>;

interface BudgetRow {
  organization_id: string;
  id: string;
  kind: BudgetKind;
  owner_id: string;
  cap_nano_usd: string;
  credit_reset: CreditReset;
  generation: string;
  raise_nano_usd: string | null;
  raise_until: Date | null;
  created_at: Date;
  version: number;
}

const COLUMNS = `organization_id, id, kind, owner_id, cap_nano_usd, credit_reset, generation, raise_nano_usd, raise_until,
  created_at, version`;

/** Index: budget_newest. */
const SELECT_PAGE = `SELECT ${COLUMNS}, ${momentText('created_at')} AS created_at_text FROM billing.budget
  WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2::timestamptz, $3::uuid))
  ORDER BY created_at DESC, id DESC LIMIT $4`;

/** Index: owner_usage_day_pk. */
const CHARGED = `SELECT coalesce(sum(charge_nano_usd), 0) AS charged FROM billing.owner_usage_day
  WHERE organization_id = $1 AND owner_kind = $2 AND owner_id = $3 AND day >= $4::date AND day < $5::date`;

/** The budgets of groups and projects. Whoever changes them has locked the organisation's terms. */
@Injectable()
export class BudgetStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Null if the organisation has no such budget. */
  async find(organizationId: string, id: string): Promise<Budget | null> {
    return this.database.inOrganization(organizationId, (manager) => this.findIn(manager, organizationId, id));
  }

  /** The same in a transaction about the organisation. Index: budget_pk. */
  async findIn(manager: EntityManager, organizationId: string, id: string): Promise<Budget | null> {
    const rows = await manager.query<BudgetRow[]>(
      `SELECT ${COLUMNS} FROM billing.budget WHERE organization_id = $1 AND id = $2`,
      [organizationId, id],
    );
    return rows[0] === undefined ? null : budgetOf(rows[0]);
  }

  /** The first `count` behind a position, newest first; null for all. */
  async list(organizationId: string, count: number, after: BudgetPosition | null): Promise<ListedBudget[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(BudgetRow & { created_at_text: string })[]>(SELECT_PAGE, [
        organizationId,
        after?.[0] ?? null,
        after?.[1] ?? null,
        count,
      ]),
    );
    return rows.map((row) => ({ budget: budgetOf(row), position: [row.created_at_text, row.id] }));
  }

  /** Those of these groups and projects. Index: budget_pk. */
  async ofOwners(organizationId: string, ownerIds: readonly string[]): Promise<Budget[]> {
    if (ownerIds.length === 0) return [];
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<BudgetRow[]>(
        `SELECT ${COLUMNS} FROM billing.budget WHERE organization_id = $1 AND owner_id::text = ANY($2::text[])`,
        [organizationId, ownerIds],
      ),
    );
    return rows.map(budgetOf);
  }

  /** How many there are, and whether the group or project has one. Index: budget_of_owner_unique. */
  async count(
    manager: EntityManager,
    { organizationId, kind, ownerId }: BudgetOwner,
  ): Promise<{ readonly all: number; readonly ofOwner: number }> {
    const rows = await manager.query<{ all: number; of_owner: number }[]>(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE kind = $2 AND owner_id = $3)::int AS of_owner
       FROM billing.budget WHERE organization_id = $1`,
      [organizationId, kind, ownerId],
    );
    return { all: rows[0]?.all ?? 0, ofOwner: rows[0]?.of_owner ?? 0 };
  }

  /** Whether a group or project has a budget. Index: budget_of_owner_unique. */
  async hasBudget(manager: EntityManager, { organizationId, kind, ownerId }: BudgetOwner): Promise<boolean> {
    const rows = await manager.query<object[]>(
      'SELECT 1 FROM billing.budget WHERE organization_id = $1 AND kind = $2 AND owner_id = $3',
      [organizationId, kind, ownerId],
    );
    return rows.length > 0;
  }

  /** Deletes the budget of a group or project. Index: budget_of_owner_unique. */
  async deleteOf(manager: EntityManager, { organizationId, kind, ownerId }: BudgetOwner): Promise<void> {
    await manager.query('DELETE FROM billing.budget WHERE organization_id = $1 AND kind = $2 AND owner_id = $3', [
      organizationId,
      kind,
      ownerId,
    ]);
  }

  /** What its group or project was charged in a period, booked in the ledger. The bounds are midnights in UTC. */
  async charged(budget: BudgetOwner, startMs: number, endMs: number): Promise<bigint> {
    const days = Number.isFinite(startMs) ? [utcDay(startMs), utcDay(endMs)] : ['-infinity', 'infinity'];
    const rows = await this.database.inOrganization(budget.organizationId, (manager) =>
      manager.query<{ charged: string }[]>(CHARGED, [budget.organizationId, budget.kind, budget.ownerId, ...days]),
    );
    return BigInt(rows[0]?.charged ?? 0);
  }

  async insert(manager: EntityManager, budget: Budget): Promise<void> {
    await manager.query(
      `INSERT INTO billing.budget (organization_id, id, kind, owner_id, cap_nano_usd, credit_reset, generation, raise_nano_usd,
         raise_until, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        budget.organizationId,
        budget.id,
        budget.kind,
        budget.ownerId,
        budget.capNanoUsd.toString(),
        budget.reset,
        budget.generation,
        budget.raise?.amountNanoUsd.toString() ?? null,
        budget.raise?.until ?? null,
        budget.createdAt,
        budget.version,
      ],
    );
  }

  /** Writes what can change of a budget. Index: budget_pk. */
  async save(manager: EntityManager, budget: Budget): Promise<void> {
    await manager.query(
      `UPDATE billing.budget SET cap_nano_usd = $3, credit_reset = $4, generation = $5, raise_nano_usd = $6, raise_until = $7,
         version = $8, changed_at = now() WHERE organization_id = $1 AND id = $2`,
      [
        budget.organizationId,
        budget.id,
        budget.capNanoUsd.toString(),
        budget.reset,
        budget.generation,
        budget.raise?.amountNanoUsd.toString() ?? null,
        budget.raise?.until ?? null,
        budget.version,
      ],
    );
  }

  /** Index: budget_pk. */
  async delete(manager: EntityManager, { organizationId, id }: Pick<Budget, 'organizationId' | 'id'>): Promise<void> {
    await manager.query('DELETE FROM billing.budget WHERE organization_id = $1 AND id = $2', [organizationId, id]);
  }
}

const budgetOf = (row: BudgetRow): Budget => ({
  organizationId: row.organization_id,
  id: row.id,
  kind: row.kind,
  ownerId: row.owner_id,
  capNanoUsd: BigInt(row.cap_nano_usd),
  reset: row.credit_reset,
  generation: Number(row.generation),
  raise:
    row.raise_nano_usd === null || row.raise_until === null
      ? null
      : { amountNanoUsd: BigInt(row.raise_nano_usd), until: row.raise_until },
  createdAt: row.created_at,
  version: row.version,
});

import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { foldedPlanName } from '@tollgate/config';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { planChange } from './plan-audit.js';
import type { Plan, PlanVersion } from './plan.js';

interface VersionRow {
  plan_id: string;
  version: number;
  from_at: Date;
  quota_nano_usd: string;
  price_nano_usd: string;
  markup_millionths: number | null;
  models: string[] | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  parallel_requests: number | null;
  payg_allowed: boolean;
}

interface PlanRow extends VersionRow {
  id: string;
  name: string;
  source: Plan['source'];
  self_service: boolean;
  created_at: Date;
  archived_at: Date | null;
  created_at_text: string;
}

const VERSION_COLUMNS = `v.plan_id, v.version, v.from_at, v.quota_nano_usd, v.price_nano_usd, v.markup_millionths, v.models,
  v.requests_per_minute, v.tokens_per_minute, v.parallel_requests, v.payg_allowed`;

/** Selects plans with their newest versions; the caller appends its conditions. */
const SELECT_PLAN = `SELECT p.id, p.name, p.source, p.self_service, p.created_at, p.archived_at,
    ${momentText('p.created_at')} AS created_at_text, ${VERSION_COLUMNS}
  FROM billing.plan AS p JOIN billing.plan_version AS v ON v.plan_id = p.id AND v.version = p.version`;

/** Index: plan_newest. */
const LIST = `${SELECT_PLAN} WHERE p.archived_at IS NULL AND ($1::timestamptz IS NULL OR (p.created_at, p.id) < ($1::timestamptz, $2::uuid))
  ORDER BY p.created_at DESC, p.id DESC LIMIT $3`;

/** Indexes: plan_pk, plan_version_pk. */
const FIND = `${SELECT_PLAN} WHERE p.id = $1`;

/** Index: plan_name_unique. */
const FIND_NAMED = `${SELECT_PLAN} WHERE p.folded_name = $1 AND p.archived_at IS NULL`;

/** Index: plan_name_unique. */
const OF_CONFIGURATION = `${SELECT_PLAN} WHERE p.source = 'config' AND p.archived_at IS NULL`;

/** Index: plan_version_pk. */
const VERSIONS = `SELECT ${VERSION_COLUMNS} FROM billing.plan_version AS v WHERE v.plan_id = ANY($1::uuid[])`;

const INSERT = `INSERT INTO billing.plan (id, name, folded_name, source, self_service, version, created_at, archived_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;

/** Index: plan_pk. */
const UPDATE = `UPDATE billing.plan SET name = $2, folded_name = $3, self_service = $4, version = $5, archived_at = $6 WHERE id = $1`;

const INSERT_VERSION = `INSERT INTO billing.plan_version (plan_id, version, from_at, quota_nano_usd, price_nano_usd, markup_millionths, models,
    requests_per_minute, tokens_per_minute, parallel_requests, payg_allowed)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

/** Subscriptions that must hear of a change of their plan. Indexes: subscription_of_plan, subscription_of_next_plan. */
const CALL_UP = `UPDATE billing.subscription SET due_at = now()
  WHERE due_at > now() AND made_at IS NOT NULL AND (plan_id = $1 OR next_plan_id = $1)`;

/** Where a plan stands in the list: when it was made, to the microsecond, and its id. */
type PlanPosition = readonly [createdAt: string, id: string];

/** A plan in a list. */
export interface ListedPlan {
  readonly plan: Plan;
  readonly position: PlanPosition;
}

/** Plans and all their versions. They belong to the installation and not to an organisation. */
@Injectable()
export class PlanStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditRecords,
  ) {}

  /** Those that can be subscribed to, newest first. */
  async list(count: number, after: PlanPosition | null): Promise<ListedPlan[]> {
    const rows = await this.database.outsideOrganizations((manager) =>
      manager.query<PlanRow[]>(LIST, [after?.[0] ?? null, after?.[1] ?? null, count]),
    );
    return rows.map((row) => ({ plan: planOf(row), position: [row.created_at_text, row.id] }));
  }

  /** The plan with this id, archived or not; null if there is none. */
  async find(id: string): Promise<Plan | null> {
    const rows = await this.database.outsideOrganizations((manager) => manager.query<PlanRow[]>(FIND, [id]));
    return rows[0] === undefined ? null : planOf(rows[0]);
  }

  /** The plan that can be subscribed to under this name, in any case; null if there is none. */
  async findNamed(name: string): Promise<Plan | null> {
    const rows = await this.database.outsideOrganizations((manager) => namedRows(manager, name));
    return rows[0] === undefined ? null : planOf(rows[0]);
  }

  /** All versions of these plans, in the caller's transaction. */
  async versions(manager: EntityManager, planIds: readonly string[]): Promise<PlanVersion[]> {
    return (await manager.query<VersionRow[]>(VERSIONS, [planIds])).map(versionOf);
  }

  /**
   * Does work on plans while no other process changes one, in one transaction: a name is free until it is taken in the
   * same work.
   */
  async changing<T>(work: (plans: LockedPlans) => Promise<T>): Promise<T> {
    const done = await this.database.outsideOrganizations(async (manager) => work(await this.lock(manager)));
    this.announced();
    return done;
  }

  /** The plans, which nobody else changes until the caller's transaction ends. Call `announced` after its commit. */
  async lock(manager: EntityManager): Promise<LockedPlans> {
    await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended('billing.plan', 0))`);
    return new LockedPlans(manager, this.audit);
  }

  /** Tells of committed changes at once. */
  announced(): void {
    this.audit.announced();
  }

  /** Has the subscriptions of a changed plan looked at soon, so that their keys hear of the next cycle's terms. */
  async callUpSubscriptions(planId: string): Promise<void> {
    await this.database.acrossOrganizations((manager) => manager.query(CALL_UP, [planId]));
  }
}

/** Plans that nobody else changes until the transaction ends. */
class LockedPlans {
  constructor(
    private readonly manager: EntityManager,
    private readonly audit: Pick<AuditRecords, 'add'>,
  ) {}

  async find(id: string): Promise<Plan | null> {
    const [row] = await this.manager.query<PlanRow[]>(FIND, [id]);
    return row === undefined ? null : planOf(row);
  }

  async findNamed(name: string): Promise<Plan | null> {
    const [row] = await namedRows(this.manager, name);
    return row === undefined ? null : planOf(row);
  }

  /** Those of the configuration that can be subscribed to. */
  async ofConfiguration(): Promise<Plan[]> {
    return (await this.manager.query<PlanRow[]>(OF_CONFIGURATION)).map(planOf);
  }

  /** Writes a plan that is new (`before` is null) or in a new version, and who did it. */
  async save(before: Plan | null, plan: Plan, actor: Actor): Promise<void> {
    const { id, name, source, selfService, terms, createdAt, archivedAt } = plan;
    if (before === null)
      await this.manager.query(INSERT, [id, name, foldedPlanName(name), source, selfService, 1, createdAt, archivedAt]);
    else await this.manager.query(UPDATE, [id, name, foldedPlanName(name), selfService, terms.version, archivedAt]);
    await this.manager.query(INSERT_VERSION, [
      id,
      terms.version,
      new Date(terms.fromMs),
      terms.quotaNanoUsd.toString(),
      terms.priceNanoUsd.toString(),
      terms.markupMillionths,
      terms.models,
      terms.rateLimits.requestsPerMinute,
      terms.rateLimits.tokensPerMinute,
      terms.rateLimits.parallelRequests,
      terms.paygAllowed,
    ]);
    await this.audit.add(this.manager, planChange(actor, before, plan));
  }
}

const namedRows = (manager: EntityManager, name: string): Promise<PlanRow[]> =>
  manager.query<PlanRow[]>(FIND_NAMED, [foldedPlanName(name)]);

function planOf(row: PlanRow): Plan {
  return {
    id: row.id,
    name: row.name,
    source: row.source,
    selfService: row.self_service,
    terms: versionOf(row),
    createdAt: row.created_at,
    archivedAt: row.archived_at,
  };
}

const versionOf = (row: VersionRow): PlanVersion => ({
  planId: row.plan_id,
  version: row.version,
  fromMs: row.from_at.getTime(),
  quotaNanoUsd: BigInt(row.quota_nano_usd),
  priceNanoUsd: BigInt(row.price_nano_usd),
  markupMillionths: row.markup_millionths,
  models: row.models,
  rateLimits: {
    requestsPerMinute: row.requests_per_minute,
    tokensPerMinute: row.tokens_per_minute,
    parallelRequests: row.parallel_requests,
  },
  paygAllowed: row.payg_allowed,
});

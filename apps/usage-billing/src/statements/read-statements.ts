import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { isEmpty, type Statement } from './build/statement.js';
import { FIRST_CYCLE_AT, statementCycleAt, type StatementCycle } from './build/statement-cycle.js';
import type { StatementSums } from './statement.reply.js';
import { FEE_AT, FEES } from './store/fees.js';
import { StatementFacts } from './store/statement-facts.js';
import { StatementStore } from './store/statement-store.js';

/** More than a century of months: a list is read whole, and then cut into pages. */
const MONTHS_MAX = 1_500;

interface MonthRow {
  cycle: string;
  requests: string;
  usage: string;
  fees: string;
}

/** Finds statements that were issued, and says of months that are not what they will say. */
@Injectable()
export class ReadStatements {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: StatementStore,
    private readonly facts: StatementFacts,
  ) {}

  /**
   * The statement of a cycle: the revision that is asked for, else the latest, else what the ledger has until now. Null
   * for a revision that was never issued, for a month that has not begun at `nowMs` (milliseconds since 1970), and for
   * one that has ended and in which nothing happened.
   */
  async find(
    organizationId: string,
    cycle: StatementCycle,
    revision: number | null,
    nowMs: number,
  ): Promise<Statement | null> {
    const issued = await this.store.find(organizationId, cycle.name, revision);
    if (issued !== null || revision !== null || cycle.startMs > nowMs) return issued;
    const content = await this.facts.read(organizationId, cycle, new Date(nowMs));
    if (cycle.endMs <= nowMs && isEmpty(content)) return null;
    return { ...content, status: 'open', revision: 0, issuedAt: null };
  }

  /** The sums of all months with anything in them, of those with a statement, and of the present one: newest first. */
  async list(organizationId: string, nowMs: number): Promise<StatementSums[]> {
    const open = { status: 'open', revision: 0, issuedAt: null } as const;
    const empty = { requests: 0, usageNanoUsd: 0n, feesNanoUsd: 0n };
    const { name: present, endMs } = statementCycleAt(nowMs);
    const months = new Map<string, StatementSums>([[present, { organizationId, cycle: present, ...open, ...empty }]]);
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<MonthRow[]>(MONTHS, [organizationId, MONTHS_MAX, new Date(endMs)]),
    );
    for (const { cycle, requests, usage, fees } of rows) {
      const sums = { requests: Number(requests), usageNanoUsd: BigInt(usage), feesNanoUsd: BigInt(fees) };
      months.set(cycle, { organizationId, cycle, ...open, ...sums });
    }
    for (const issued of await this.store.latest(organizationId, MONTHS_MAX))
      months.set(issued.cycle, { organizationId, status: 'issued', ...issued });
    return [...months.values()].sort((a, b) => (a.cycle < b.cycle ? 1 : -1));
  }
}

/**
 * Indexes: usage_dimension_by_grain, usage_month_by_organization, transfer_of_credit, subscription_charge_id_unique.
 */
const MONTHS = `
  SELECT to_char(month AT TIME ZONE 'UTC', 'YYYY-MM') AS cycle, sum(requests) AS requests, sum(usage) AS usage, sum(fees) AS fees FROM (
    SELECT u.at AS month, u.requests, u.charge_nano_usd AS usage, 0 AS fees
    FROM billing.usage_dimension AS d JOIN billing.usage_month AS u USING (dimension_id)
    WHERE d.organization_id = $1 AND d.grain = 'models' AND u.organization_id = $1
      AND u.at >= '${FIRST_CYCLE_AT}' AND u.at < $3
    UNION ALL
    SELECT date_trunc('month', ${FEE_AT}, 'UTC'), 0, 0, t.amount_nano_usd FROM ${FEES}
    WHERE t.organization_id = $1 AND t.kind IN ('fee', 'refund')) AS sums
  GROUP BY 1 ORDER BY 1 DESC LIMIT $2`;

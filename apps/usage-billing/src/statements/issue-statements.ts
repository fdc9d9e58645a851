import { Inject, Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { isEmpty, sameAmounts } from './build/statement.js';
import { FIRST_CYCLE_AT, statementCycle, statementCycleAt, type StatementCycle } from './build/statement-cycle.js';
import { FEE_AT, FEES } from './store/fees.js';
import { StatementFacts } from './store/statement-facts.js';
import { StatementStore } from './store/statement-store.js';

const EVERY_MS = 600_000;
const SOON_MS = 30_000;
/** Requests of the last minutes of a month have ended by then, and the journals of gateways are shipped. */
const ISSUED_AFTER_MS = 2 * 3_600_000;

/** Issues the statement of each month that has ended, and a new revision where something was booked for it since. */
@Injectable()
export class IssueStatements extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly facts: StatementFacts,
    private readonly store: StatementStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: SOON_MS });
  }

  /**
   * Issues what is due at `nowMs` (milliseconds since 1970), and resolves with how many statements that were. Two
   * processes may do it at once: a revision is issued once. A month that fails holds up no other organisation. Rejects
   * if the database cannot be asked what is due.
   */
  async issue(nowMs: number): Promise<number> {
    const endedBefore = statementCycleAt(nowMs - ISSUED_AFTER_MS).startMs;
    const due = await this.database.acrossOrganizations(async (manager) => [
      ...(await manager.query<DueRow[]>(DUE, [new Date(endedBefore)])),
      ...(await manager.query<DueRow[]>(QUIET, [new Date(endedBefore)])),
    ]);
    let issued = 0;
    const now = new Date(nowMs);
    for (const { organization_id: organizationId, cycle } of due) {
      if (this.periodic.stopped) break;
      try {
        issued += await this.issueFrom(organizationId, statementCycle(cycle)!, endedBefore, now);
      } catch (err) {
        this.logger.error({ err, organizationId, cycle }, 'a statement was not issued; the next attempt follows');
      }
    }
    return issued;
  }

  /** Issues a cycle, and the later ones if it has changed: their credit begins with what it has left. */
  private async issueFrom(
    organizationId: string,
    first: StatementCycle,
    endedBefore: number,
    now: Date,
  ): Promise<number> {
    let issued = 0;
    for (let cycle = first; cycle.startMs < endedBefore; cycle = statementCycleAt(cycle.endMs)) {
      if (!(await this.issueOne(organizationId, cycle, now))) break;
      issued += 1;
    }
    return issued;
  }

  /** Whether the cycle had something to issue. A month in which nothing happened, and nothing was left, has none. */
  private async issueOne(organizationId: string, cycle: StatementCycle, now: Date): Promise<boolean> {
    const { name } = cycle;
    const [latest, content] = await Promise.all([
      this.store.find(organizationId, name, null),
      this.facts.read(organizationId, cycle, now),
    ]);
    if (latest === null ? isEmpty(content) : sameAmounts(latest, content)) return false;
    const revision = (latest?.revision ?? 0) + 1;
    const issued = await this.database.inOrganization(organizationId, (manager) =>
      this.store.issue(manager, content, revision),
    );
    if (issued) this.logger.info({ organizationId, cycle: name, revision }, 'a statement was issued');
    return issued;
  }

  protected override async work(): Promise<void> {
    await this.issue(Date.now()).catch((err: unknown) =>
      this.logger.warn({ err }, 'statements could not be issued; the next attempt follows in ten minutes'),
    );
  }
}

interface DueRow {
  organization_id: string;
  cycle: string;
}

/**
 * Months that have ended without a statement, where the latest one of the month before has credit left: it is carried
 * over, and said, whether or not anything happens. Index: statement_pk.
 */
const QUIET = `
  WITH last AS MATERIALIZED (
    SELECT s.organization_id, s.cycle, max(s.revision) AS revision FROM billing.statement AS s
    WHERE (s.cycle + interval '1 month') AT TIME ZONE 'UTC' < $1 AND NOT EXISTS (
      SELECT 1 FROM billing.statement AS next
      WHERE next.organization_id = s.organization_id AND next.cycle = (s.cycle + interval '1 month')::date)
    GROUP BY 1, 2)
  SELECT s.organization_id, to_char(s.cycle + interval '1 month', 'YYYY-MM') AS cycle
  FROM last JOIN billing.statement AS s USING (organization_id, cycle, revision)
  WHERE s.content #>> '{credit,closingNanoUsd}' <> '0' ORDER BY 1, 2`;

/**
 * Months that have ended and whose latest statement, if there is one, has other sums than the ledger has now: of usage
 * by the monthly roll-up, of fees and of grants by their transfers, and of what lapsed by when it expired. A month that
 * was issued may have nothing any more. Indexes: transfer_of_credit, grant_by_expiry, account_pk.
 */
const DUE = `
  SELECT organization_id, to_char(month AT TIME ZONE 'UTC', 'YYYY-MM') AS cycle FROM (
    SELECT organization_id, month, sum(requests) AS requests, sum(usage) AS usage, sum(fees) AS fees, sum(expired) AS expired,
      max(changed_at) AS changed_at
    FROM (
      SELECT d.organization_id, u.at AS month, u.requests, u.charge_nano_usd AS usage, 0 AS fees, 0 AS expired,
        NULL::timestamptz AS changed_at
      FROM billing.usage_dimension AS d JOIN billing.usage_month AS u USING (dimension_id)
      WHERE d.grain = 'models' AND u.at >= '${FIRST_CYCLE_AT}' AND u.at < $1
      UNION ALL
      SELECT organization_id, date_trunc('month', created_at, 'UTC'), 0, 0, 0, 0, created_at
      FROM billing.transfer WHERE kind = 'grant' AND created_at < $1 AND organization_id IS NOT NULL
      UNION ALL
      SELECT t.organization_id, date_trunc('month', ${FEE_AT}, 'UTC'), 0, 0, t.amount_nano_usd, 0, t.created_at
      FROM ${FEES} WHERE t.kind IN ('fee', 'refund') AND ${FEE_AT} < $1 AND t.organization_id IS NOT NULL
      UNION ALL
      SELECT organization_id, date_trunc('month', expires_at, 'UTC'), 0, 0, 0, lapsed, NULL
      FROM (
        SELECT g.organization_id, g.expires_at,
          CASE WHEN g.closed_at IS NULL THEN g.amount_nano_usd - coalesce(a.posted_nano_usd, 0) ELSE g.expired_nano_usd END AS lapsed
        FROM billing.grant AS g LEFT JOIN billing.account AS a ON a.account_id = 'grant:' || g.id
        WHERE g.expires_at < $1) AS ended
      WHERE lapsed > 0
      UNION ALL
      SELECT organization_id, cycle::timestamp AT TIME ZONE 'UTC', 0, 0, 0, 0, NULL FROM billing.statement WHERE revision = 1) AS parts
    GROUP BY 1, 2) AS sums
  LEFT JOIN LATERAL (
    SELECT s.requests, s.usage_nano_usd, s.fees_nano_usd, s.expired_nano_usd, s.issued_at FROM billing.statement AS s
    WHERE s.organization_id = sums.organization_id AND s.cycle = (sums.month AT TIME ZONE 'UTC')::date
    ORDER BY s.revision DESC LIMIT 1) AS latest ON true
  WHERE latest.requests IS DISTINCT FROM sums.requests OR latest.usage_nano_usd IS DISTINCT FROM sums.usage
    OR latest.fees_nano_usd IS DISTINCT FROM sums.fees OR latest.expired_nano_usd IS DISTINCT FROM sums.expired
    OR latest.issued_at < sums.changed_at
  ORDER BY 1, 2`;

import { Inject, Injectable } from '@nestjs/common';
import { cycleOfAccount, type CreditReset } from '@tollgate/api-key';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { accountAt, capAt } from '../../budgets/budget.js';
import { readPosted } from '../../store/accounts.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { balanceChangeOf, readBalances } from '../balance/balances.js';
import { levelChangeOf, levelOf, together, type LevelChanges } from '../credit-level.js';
import { raiseAlerts } from '../raise-alerts.js';

const EVERY_MS = 30_000;
/** From the start of the process, which has other things to do at first. */
const FIRST_IN_MS = 5_000;
/** So far back changes are looked at: no outage of this service lasts longer. What was told of is not told again. */
const LOOK_BACK_MS = 86_400_000;
/** Organisations of one transaction, whose locks keep others from booking for them. */
const ORGANIZATIONS_MAX = 50;

interface BudgetRow {
  organization_id: string;
  kind: 'group' | 'project';
  owner_id: string;
  cap_nano_usd: string;
  credit_reset: CreditReset;
  raise_nano_usd: string | null;
  raise_until: Date | null;
}

/** Organisations of which credit has expired. Indexes: grant_by_expiry, organization_terms_pk. */
const EXPIRED = `SELECT DISTINCT g.organization_id FROM billing.grant AS g JOIN billing.organization_terms AS t USING (organization_id)
  WHERE g.expires_at > $1 AND g.expires_at <= $2 AND t.balance = 'prepaid'`;

/** Budgets that were changed, or whose raise has ended. Indexes: budget_by_change, budget_by_end_of_raise. */
const CHANGED_BUDGETS = `SELECT organization_id, kind, owner_id, cap_nano_usd, credit_reset, raise_nano_usd, raise_until FROM billing.budget
  WHERE changed_at > $1 OR (raise_until > $1 AND raise_until <= $2)`;

/**
 * Finds what is used up to a level without a call: credit that has expired, a budget that was lowered, a raise of one
 * that has ended. Any number of processes may look; each level is told of once.
 */
@Injectable()
export class WatchLimits extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: FIRST_IN_MS, background: true });
  }

  /** Raises the alerts about what has changed by `now`. Rejects without the database. */
  async look(now: Date): Promise<void> {
    const since = new Date(now.getTime() - LOOK_BACK_MS);
    const [expired, budgets] = await this.database.acrossOrganizations(async (manager) => [
      await manager.query<{ organization_id: string }[]>(EXPIRED, [since, now]),
      await manager.query<BudgetRow[]>(CHANGED_BUDGETS, [since, now]),
    ]);
    const organizationIds = [...new Set([...expired, ...budgets].map((row) => row.organization_id))].sort();
    for (let at = 0; at < organizationIds.length; at += ORGANIZATIONS_MAX) {
      if (this.periodic.stopped) return;
      const some = new Set(organizationIds.slice(at, at + ORGANIZATIONS_MAX));
      const isOfSome = (row: { organization_id: string }): boolean => some.has(row.organization_id);
      await this.database.acrossOrganizations(async (manager) => {
        await lockOrganizations(manager, [...some]);
        const ofBalances = await balancesNow(manager, expired.filter(isOfSome), now);
        const ofBudgets = await budgetsNow(manager, budgets.filter(isOfSome), now);
        await raiseAlerts(manager, together([...ofBalances, ...ofBudgets]), now);
      });
    }
  }

  protected override async work(): Promise<void> {
    await this.look(new Date()).catch((err: unknown) =>
      this.logger.warn({ err }, 'limits that were changed could not be looked at; the next attempt follows'),
    );
  }
}

async function balancesNow(
  manager: EntityManager,
  rows: readonly { organization_id: string }[],
  now: Date,
): Promise<readonly LevelChanges[]> {
  if (rows.length === 0) return [];
  const balances = await readBalances(
    manager,
    rows.map((row) => row.organization_id),
    now,
  );
  return [...balances].map(([organizationId, balance]) => balanceChangeOf(organizationId, 0n, balance));
}

async function budgetsNow(
  manager: EntityManager,
  rows: readonly BudgetRow[],
  now: Date,
): Promise<readonly LevelChanges[]> {
  if (rows.length === 0) return [];
  const budgets = rows.map((row) => {
    const budget = {
      kind: row.kind,
      ownerId: row.owner_id,
      reset: row.credit_reset,
      capNanoUsd: BigInt(row.cap_nano_usd),
      raise:
        row.raise_nano_usd === null || row.raise_until === null
          ? null
          : { amountNanoUsd: BigInt(row.raise_nano_usd), until: row.raise_until },
    };
    return {
      organizationId: row.organization_id,
      accountId: accountAt(budget, now),
      capNanoUsd: capAt(budget, now),
    };
  });
  const posted = await readPosted(
    manager,
    budgets.map(({ accountId }) => accountId),
  );
  return budgets.map(({ organizationId, accountId, capNanoUsd }) => {
    const postedNanoUsd = posted.get(accountId) ?? 0n;
    const forGood = cycleOfAccount(accountId).reset === 'never';
    const filling = { organizationId, apiKeyId: null, postedNanoUsd, capNanoUsd, forGood };
    const { crossings } = levelChangeOf(accountId, null, filling);
    // What was told of a lower budget counts no more, where there are no cycles.
    const level = levelOf(postedNanoUsd, capNanoUsd);
    return { crossings, armedAgain: forGood ? [{ accountId, level, belowNanoUsd: capNanoUsd }] : [] };
  });
}

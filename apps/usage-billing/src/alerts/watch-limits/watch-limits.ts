import { Inject, Injectable } from '@nestjs/common';
import { cycleOfAccount, kindOfAccount, type CreditReset } from '@tollgate/api-key';
import { raisedLimit } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { accountAt, capAt } from '../../budgets/budget.js';
import { chargedIn } from '../../ledger/load-account/charged-in.js';
import { BillingRelay } from '../../relay/billing-relay.js';
import { readPosted } from '../../store/accounts.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { balanceChangeOf, readBalances } from '../balance/balances.js';
import { levelChangeOf, levelOf, together, type Crossing, type LevelChanges } from '../credit-level.js';
import { raiseAlerts } from '../raise-alerts.js';
import { dueLimits, dueOrganizations, looked, LOOK_AT_LIMITS, nextDue, type DueLimit } from './watched-limit-store.js';
import { accountNow, nextLook } from './watched-limit.js';

const EVERY_MS = 30_000;
/** After a look that failed: what it missed may be a limit that ends now. */
const RETRY_MS = 1_000;
/** From the start of the process, which has other things to do at first. */
const FIRST_IN_MS = 5_000;
/** So far back changes are looked at: no outage of this service lasts longer. What was told of is not told again. */
const LOOK_BACK_MS = 86_400_000;
/** Organisations of one transaction, whose locks keep others from booking for them. */
const ORGANIZATIONS_MAX = 50;
/** Limits of one transaction, for the same reason. */
const LIMITS_MAX = 100;

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
 * Finds what is used up to a level without a call: credit that has expired, a limit or a budget that was lowered, a
 * raise of one that has ended. Any number of processes may look; each level is told of once.
 */
@Injectable()
export class WatchLimits extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(BillingRelay) private readonly relay: Pick<BillingRelay, 'wake' | 'does'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: FIRST_IN_MS, background: true });
    // The limit is noted as due, so it is looked at also where this process ends before it has.
    relay.does(LOOK_AT_LIMITS, () => Promise.resolve(this.wake()));
  }

  /** Has limits looked at now. */
  wake(): void {
    this.periodic.wake();
  }

  /**
   * Raises the alerts about what has changed by `now`. Resolves with when the next limit is due; null for none. Rejects
   * without the database.
   */
  async look(now: Date): Promise<Date | null> {
    await this.lookAtLimits(now);
    await this.lookAtBudgets(now);
    return this.database.acrossOrganizations(nextDue);
  }

  /** The limits of keys, organisations and pay-as-you-go that are due. */
  private async lookAtLimits(now: Date): Promise<void> {
    while (!this.periodic.stopped) {
      const organizationIds = await this.database.acrossOrganizations((manager) =>
        dueOrganizations(manager, now, ORGANIZATIONS_MAX),
      );
      if (organizationIds.length === 0) break;
      await this.database.acrossOrganizations(async (manager) => {
        await lockOrganizations(manager, organizationIds);
        const limits = await dueLimits(manager, organizationIds, now, LIMITS_MAX);
        await raiseAlerts(manager, together(await limitsNow(manager, limits, now)), now);
        const nexts = limits.map((limit) => ({ limit, next: nextLook(limit, limit.notedAt, now) }));
        await looked(manager, nexts);
      });
      this.relay.wake();
    }
  }

  private async lookAtBudgets(now: Date): Promise<void> {
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

  /** A raise that ends before the next regular look is looked at when it does. */
  protected override async work(): Promise<number | void> {
    try {
      const next = await this.look(new Date());
      if (next !== null) return Math.max(0, next.getTime() - Date.now());
    } catch (err) {
      this.logger.warn({ err }, 'limits that were changed could not be looked at; the next attempt follows');
      return RETRY_MS;
    }
  }
}

/** How much is used of limits, without what a call that is under way may cost. */
async function limitsNow(
  manager: EntityManager,
  limits: readonly DueLimit[],
  now: Date,
): Promise<readonly LevelChanges[]> {
  const accounts = limits.map((limit) => ({ limit, ...accountNow(limit, now) }));
  const posted = await readPosted(
    manager,
    accounts.map(({ accountId }) => accountId),
  );
  const changes: LevelChanges[] = [];
  for (const { limit, accountId, cycle } of accounts) {
    const { organizationId, limitId } = limit;
    const apiKeyId = kindOfAccount(limitId) === 'key' ? limitId.slice('key:'.length) : null;
    // An account that a limit has just got is not loaded yet: its load will count what was charged before.
    const charged =
      kindOfAccount(limitId) === 'payg' ? 0n : await chargedIn(manager, { organizationId, accountId, apiKeyId }, cycle);
    const known = posted.get(accountId) ?? 0n;
    const postedNanoUsd = known > charged ? known : charged;
    const capNanoUsd = raisedLimit(limit.capNanoUsd, limit.raise, now);
    if (capNanoUsd !== null)
      changes.push(limitChange({ organizationId, accountId, apiKeyId, postedNanoUsd, capNanoUsd }));
  }
  return changes;
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
  return budgets.map((budget) => {
    const postedNanoUsd = posted.get(budget.accountId) ?? 0n;
    return limitChange({ ...budget, apiKeyId: null, postedNanoUsd });
  });
}

/** What a limit that nobody has called since means for its alerts. */
function limitChange({
  accountId,
  ...filled
}: Pick<Crossing, 'organizationId' | 'accountId' | 'apiKeyId'> & {
  readonly postedNanoUsd: bigint;
  readonly capNanoUsd: bigint;
}): LevelChanges {
  const { postedNanoUsd, capNanoUsd } = filled;
  const forGood = cycleOfAccount(accountId).reset === 'never';
  const { crossings } = levelChangeOf(accountId, null, { ...filled, forGood });
  // What was told of a lower limit counts no more, where there are no cycles.
  const level = levelOf(postedNanoUsd, capNanoUsd);
  return { crossings, armedAgain: forGood ? [{ accountId, level, belowNanoUsd: capNanoUsd }] : [] };
}

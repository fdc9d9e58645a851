import type { CreditCycle } from '@tollgate/api-key';
import type { LoadAccountRequest } from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import { utcDay } from '../../store/utc-day.js';
import { budgetOwner } from '../account.js';

/**
 * What the key, the group or the project was charged in the period, or all keys of the organisation in their lives, in
 * nano-USD.
 */
export async function chargedIn(
  manager: EntityManager,
  { organizationId, accountId, apiKeyId }: Pick<LoadAccountRequest, 'organizationId' | 'accountId' | 'apiKeyId'>,
  { reset, startMs, endMs }: CreditCycle,
): Promise<bigint> {
  const days = reset === 'never' ? ['-infinity', 'infinity'] : [utcDay(startMs), utcDay(endMs)];
  const budget = budgetOwner(accountId);
  const rows: { charged: string }[] =
    budget !== null
      ? await manager.query(CHARGED_TO_OWNER, [organizationId, budget.kind, budget.ownerId, ...days])
      : apiKeyId === null
        ? await manager.query(CHARGED_TO_ALL, [organizationId])
        : reset === 'never'
          ? await manager.query(CHARGED_EVER, [organizationId, apiKeyId])
          : await manager.query(CHARGED_BETWEEN, [organizationId, apiKeyId, ...days]);
  return BigInt(rows[0]?.charged ?? 0);
}

/** Index: owner_usage_day_pk. */
const CHARGED_TO_OWNER = `SELECT coalesce(sum(charge_nano_usd), 0) AS charged FROM billing.owner_usage_day
   WHERE organization_id = $1 AND owner_kind = $2 AND owner_id = $3 AND day >= $4::date AND day < $5::date`;

/** Index: key_usage_by_organization. */
const CHARGED_TO_ALL = `SELECT coalesce(sum(charge_nano_usd), 0) AS charged FROM billing.key_usage
   WHERE organization_id = $1`;

/** Index: key_usage_pk. */
const CHARGED_EVER = `SELECT charge_nano_usd AS charged FROM billing.key_usage
   WHERE organization_id = $1 AND api_key_id = $2`;

/** Index: key_usage_day_pk. */
const CHARGED_BETWEEN = `SELECT coalesce(sum(charge_nano_usd), 0) AS charged FROM billing.key_usage_day
   WHERE organization_id = $1 AND api_key_id = $2 AND day >= $3::date AND day < $4::date`;

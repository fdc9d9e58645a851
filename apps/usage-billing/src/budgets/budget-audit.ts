import type { Actor } from '@tollgate/auth';
import { formatUsd } from '@tollgate/credit';
import type { AuditFields, AuditRecord } from '../audit/audit-records.js';
import type { Budget } from './budget.js';

/** What the audit trail has of a budget that was made (`before` is null), changed, or deleted (`after` is null). */
export function budgetChange(actor: Actor, before: Budget | null, after: Budget | null): AuditRecord {
  const budget = after ?? before;
  if (budget === null) throw new Error('a change is of a budget before or after it');
  return {
    organizationId: budget.organizationId,
    actor,
    action: before === null ? 'budget.created' : after === null ? 'budget.deleted' : 'budget.updated',
    target: { type: 'budget', id: budget.id },
    before: before && fieldsOf(before),
    after: after && fieldsOf(after),
    details: { [`${budget.kind}_id`]: budget.ownerId },
  };
}

const fieldsOf = ({ kind, ownerId, capNanoUsd, reset, raise }: Budget): AuditFields => ({
  [`${kind}_id`]: ownerId,
  amount_usd: formatUsd(capNanoUsd),
  reset,
  credit_limit_raise: raise && { amount_usd: formatUsd(raise.amountNanoUsd), until: raise.until.toISOString() },
});

import type { Actor } from '@tollgate/auth';
import { formatUsd } from '@tollgate/credit';
import type { AuditFields, AuditRecord } from '../audit/audit-records.js';
import type { Grant } from './grant.js';

/** What the audit trail has of a grant that was given (`before` is null) or ended by hand. */
export const grantChange = (actor: Actor, before: Grant | null, after: Grant): AuditRecord => ({
  organizationId: after.organizationId,
  actor,
  action: before === null ? 'credit_grant.created' : 'credit_grant.expired',
  target: { type: 'credit_grant', id: after.id },
  before: before && fieldsOf(before),
  after: fieldsOf(after),
  details: { amount_usd: formatUsd(after.amountNanoUsd) },
});

const fieldsOf = ({ amountNanoUsd, expiresAt, description, endedByHand }: Grant): AuditFields => ({
  amount_usd: formatUsd(amountNanoUsd),
  expires_at: expiresAt?.toISOString() ?? null,
  description,
  ended_by_hand: endedByHand,
});

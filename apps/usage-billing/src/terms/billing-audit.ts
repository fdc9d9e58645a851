import type { Actor } from '@tollgate/auth';
import type { AuditFields, AuditRecord } from '../audit/audit-records.js';
import { percentOf } from './organization-billing.request.js';
import type { Terms } from './organization-terms.js';

/** What the audit trail has of a change of how an organisation pays. */
export const billingChange = (organizationId: string, actor: Actor, before: Terms, after: Terms): AuditRecord => ({
  organizationId,
  actor,
  action: 'organization_billing.updated',
  target: { type: 'organization', id: organizationId },
  before: fieldsOf(before),
  after: fieldsOf(after),
});

const fieldsOf = ({ balance, markupMillionths }: Terms): AuditFields => ({
  balance,
  markup_percent: String(percentOf(markupMillionths)),
});

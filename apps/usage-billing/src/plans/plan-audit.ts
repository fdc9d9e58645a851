import type { Actor } from '@tollgate/auth';
import type { AuditFields, AuditRecord } from '../audit/audit-records.js';
import { planObject } from './plan.reply.js';
import type { Plan } from './plan.js';

/** What the audit trail of the installation has of a plan that was made (`before` is null), changed or archived. */
export const planChange = (actor: Actor, before: Plan | null, after: Plan): AuditRecord => ({
  organizationId: null,
  actor,
  action: before === null ? 'plan.created' : after.archivedAt === null ? 'plan.updated' : 'plan.archived',
  target: { type: 'plan', id: after.id },
  before: before && fieldsOf(before),
  after: fieldsOf(after),
  details: { name: after.name, source: after.source, version: after.terms.version },
});

function fieldsOf(plan: Plan): AuditFields {
  const { object: _object, id: _id, created_at: _createdAt, markup_percent: markup, ...fields } = planObject(plan);
  return { ...fields, markup_percent: markup === null ? null : String(markup) };
}

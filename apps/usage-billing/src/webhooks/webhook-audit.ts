import { createHash } from 'node:crypto';
import type { Actor } from '@tollgate/auth';
import type { AuditFields, AuditRecord } from '../audit/audit-records.js';
import type { Webhook } from './webhook.js';

/** What was done to a webhook. Those after `deleted` change none of its fields. */
export type WebhookAct = 'created' | 'updated' | 'rotated' | 'disabled' | 'deleted' | 'tested' | 'replayed';

/** Enough to tell two addresses apart. */
const FINGERPRINT_DIGITS = 16;

/** What the audit trail has of something that was done to a webhook. Its secrets stand nowhere. */
export function webhookAct(
  actor: Actor,
  act: WebhookAct,
  { before, after }: { readonly before: Webhook | null; readonly after: Webhook | null },
  details: AuditFields = {},
): AuditRecord {
  const webhook = after ?? before;
  if (webhook === null) throw new Error('there is a webhook before or after what is done to it');
  return {
    organizationId: webhook.organizationId,
    actor,
    action: `webhook.${act}`,
    target: { type: 'webhook', id: webhook.id },
    before: before && fieldsOf(before),
    after: after && fieldsOf(after),
    details,
  };
}

/**
 * In many products whoever knows the path or the query of a webhook's address may send to it. So the trail has its
 * origin, and a digest that tells whether the rest was changed.
 */
const fieldsOf = ({ url, events, description, disabled, formerSecret }: Webhook): AuditFields => ({
  origin: new URL(url).origin,
  url_sha256: createHash('sha256').update(url).digest('hex').slice(0, FINGERPRINT_DIGITS),
  events,
  description,
  enabled: disabled === null,
  disabled_reason: disabled?.reason ?? null,
  former_secret_until: formerSecret?.until.toISOString() ?? null,
});

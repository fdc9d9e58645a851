import type { WebhookEvent } from './webhook-events.js';

/** The most webhooks of an organisation. */
export const WEBHOOKS_MAX = 20;

/** An address that an organisation has its events sent to. */
export interface Webhook {
  readonly organizationId: string;
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly description: string | null;
  /** Sealed. */
  readonly secret: string;
  /** The secret before, sealed; bodies are signed with both until then. Null outside of a rotation. */
  readonly formerSecret: { readonly sealed: string; readonly until: Date } | null;
  /** `gone`: it has answered 410. Null while it is sent events. */
  readonly disabled: { readonly at: Date; readonly reason: 'by_hand' | 'gone' } | null;
  readonly createdAt: Date;
  readonly version: number;
}

/** What a PATCH may change. */
export interface WebhookEdit {
  readonly url?: string | undefined;
  readonly events?: readonly WebhookEvent[] | undefined;
  readonly description?: string | null | undefined;
  readonly enabled?: boolean | undefined;
}

/** The webhook as an edit makes it; null if the edit changes nothing. */
export function editedWebhook(webhook: Webhook, edit: WebhookEdit, now: Date): Webhook | null {
  const { url = webhook.url, events = webhook.events, description = webhook.description } = edit;
  const changed: Webhook = { ...webhook, url, events, description, disabled: switched(webhook, edit, now) };
  const same =
    url === webhook.url &&
    description === webhook.description &&
    changed.disabled === webhook.disabled &&
    JSON.stringify(events) === JSON.stringify(webhook.events);
  return same ? null : { ...changed, version: webhook.version + 1 };
}

function switched({ disabled }: Webhook, { enabled }: WebhookEdit, now: Date): Webhook['disabled'] {
  if (enabled === undefined || enabled === (disabled === null)) return disabled;
  return enabled ? null : { at: now, reason: 'by_hand' };
}

/**
 * The webhook with a new secret. The present one counts until `until`, or ends at once if that is not after `now`. Null
 * while the one before is in its grace period and would end unseen, unless both are to end at once.
 */
export function rotatedWebhook(webhook: Webhook, sealedSecret: string, until: Date, now: Date): Webhook | null {
  const hasGrace = until > now;
  if (hasGrace && webhook.formerSecret !== null && webhook.formerSecret.until > now) return null;
  return {
    ...webhook,
    secret: sealedSecret,
    formerSecret: hasGrace ? { sealed: webhook.secret, until } : null,
    version: webhook.version + 1,
  };
}

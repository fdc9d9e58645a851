/** What organisations can be told of, as `docs/webhooks.md` lists it. */
export const WEBHOOK_EVENTS = [
  'credit.threshold_crossed',
  'credit.unusual_spend',
  'api_key.leaked',
  'api_key.expiring',
  'api_key.rotation_due',
  'api_key.rotated',
  'api_key.revoked',
  'subscription.created',
  'subscription.renewed',
  'subscription.changed',
  'subscription.canceled',
  'subscription.expired',
  'statement.issued',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What the test of a webhook sends; nobody asks for it. */
export const TEST_EVENT = 'webhook.test';

/** Something that happened, on its way to the webhooks of its organisation. */
export interface Notice {
  /** Of what happened: it comes to each webhook once for each id. */
  readonly noticeId: string;
  readonly organizationId: string;
  readonly type: string;
  readonly occurredAt: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The id of the message, which receivers know a repetition by. */
export const messageIdOf = (noticeId: string): string => `msg_${noticeId.replaceAll('-', '')}`;

/** The body of the message, as Standard Webhooks recommends it. */
export const bodyOf = ({ type, occurredAt, data }: Omit<Notice, 'noticeId' | 'organizationId'>): string =>
  JSON.stringify({ type, timestamp: occurredAt, data });

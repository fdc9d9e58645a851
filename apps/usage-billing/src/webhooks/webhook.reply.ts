import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { Delivery } from './deliver-webhooks/delivery-store.js';
import { ATTEMPT_ERRORS } from './deliver-webhooks/post-webhook.js';
import { WEBHOOK_EVENTS } from './webhook-events.js';
import type { Webhook } from './webhook.js';

const moment = z.string().meta({ format: 'date-time' });
const EXAMPLE = {
  object: 'webhook',
  id: '7c1d2a94-54f2-4c1b-9d65-0123456789ab',
  url: 'https://hooks.example.com/tollgate',
  events: ['credit.threshold_crossed', 'api_key.leaked'] as ('credit.threshold_crossed' | 'api_key.leaked')[],
  description: null,
  enabled: true,
  disabled_reason: null,
  former_secret_until: null,
  created_at: '2026-11-29T09:30:00.000Z',
} as const;
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
const DELIVERY_EXAMPLE = {
  object: 'webhook_delivery',
  id: 'f0a8b1c2-7d3e-4f50-8a61-0123456789ab',
  webhook_id: EXAMPLE.id,
  message_id: 'msg_9b2f6c1d8e4a4f7b9a3c0123456789ab',
  type: 'credit.threshold_crossed',
  state: 'delivered',
  attempts: 1,
  status: 200,
  error: null,
  duration_ms: 84,
  last_attempt_at: '2026-11-29T09:31:00.000Z',
  next_attempt_at: null,
  created_at: '2026-11-29T09:31:00.000Z',
} as const;

/** A webhook as the admin API shows it. */
export const webhookReply = z
  .object({
    object: z.literal('webhook'),
    id: z.string().meta({ format: 'uuid' }),
    url: z.string(),
    events: z.array(z.enum(WEBHOOK_EVENTS)).readonly(),
    description: z.string().nullable(),
    enabled: z.boolean(),
    disabled_reason: z
      .enum(['by_hand', 'gone'])
      .nullable()
      .describe('`gone`: it has answered 410. Null while it is enabled.'),
    former_secret_until: moment
      .nullable()
      .describe('Until then messages are signed with the secret before as well; null outside of a rotation.'),
    created_at: moment,
  })
  .meta({ id: 'Webhook', examples: [EXAMPLE] });
export type WebhookObject = Readonly<z.input<typeof webhookReply>>;

/** A webhook whose secret was just made. */
export const webhookWithSecretReply = webhookReply
  .extend({ secret: z.string().describe('`whsec_` and the key in base64. It is shown here and nowhere else.') })
  .meta({ id: 'WebhookWithSecret', examples: [{ ...EXAMPLE, secret: SECRET }] });
export type WebhookWithSecret = Readonly<z.input<typeof webhookWithSecretReply>>;

/** The reply to the end of a webhook. */
export const deletedWebhookReply = webhookReply
  .extend({ deleted: z.literal(true) })
  .meta({ id: 'DeletedWebhook', examples: [{ ...EXAMPLE, deleted: true }] });

/** A page of webhooks. */
export const webhookListReply = listReply('WebhookList', webhookReply, EXAMPLE);
export type WebhookList = Readonly<z.input<typeof webhookListReply>>;

/** A message to a webhook, and what came of it. */
export const deliveryReply = z
  .object({
    object: z.literal('webhook_delivery'),
    id: z.string().meta({ format: 'uuid' }),
    webhook_id: z.string().meta({ format: 'uuid' }),
    message_id: z.string().describe('What `webhook-id` says in each attempt.'),
    type: z.string(),
    state: z.enum(['pending', 'delivered', 'failed']).describe('`failed`: it was given up after a day of attempts.'),
    attempts: z.int().min(0),
    status: z.int().nullable().describe('Of the last answer; null where there was none.'),
    error: z
      .enum([...ATTEMPT_ERRORS, 'webhook_disabled'])
      .nullable()
      .describe('Why the last attempt failed; null for an answer from 200 to 299.'),
    duration_ms: z.int().min(0).nullable().describe('Of the last attempt.'),
    last_attempt_at: moment.nullable(),
    next_attempt_at: moment.nullable().describe('Null once it is delivered or given up.'),
    created_at: moment,
  })
  .meta({ id: 'WebhookDelivery', examples: [DELIVERY_EXAMPLE] });
export type DeliveryObject = Readonly<z.input<typeof deliveryReply>>;

/** A page of deliveries. */
export const deliveryListReply = listReply('WebhookDeliveryList', deliveryReply, DELIVERY_EXAMPLE);
export type DeliveryList = Readonly<z.input<typeof deliveryListReply>>;

/** A webhook as a reply carries it, without its secret. */
export function webhookObject(webhook: Webhook, now: Date): WebhookObject {
  const { id, url, events, description, disabled, formerSecret, createdAt } = webhook;
  return {
    object: 'webhook',
    id,
    url,
    events,
    description,
    enabled: disabled === null,
    disabled_reason: disabled?.reason ?? null,
    former_secret_until: formerSecret !== null && formerSecret.until > now ? formerSecret.until.toISOString() : null,
    created_at: createdAt.toISOString(),
  };
}

/** A delivery as a reply carries it. */
export function deliveryObject(delivery: Delivery): DeliveryObject {
  return {
    object: 'webhook_delivery',
    id: delivery.id,
    webhook_id: delivery.webhookId,
    message_id: delivery.messageId,
    type: delivery.type,
    state: delivery.state,
    attempts: delivery.attempts,
    status: delivery.lastStatus,
    error: delivery.lastError,
    duration_ms: delivery.lastDurationMs,
    last_attempt_at: delivery.lastAttemptAt?.toISOString() ?? null,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    created_at: delivery.createdAt.toISOString(),
  };
}

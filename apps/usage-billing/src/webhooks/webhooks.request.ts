import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages } from '@tollgate/http';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { WEBHOOK_EVENTS } from './webhook-events.js';
import { WEBHOOK_URL_LENGTH_MAX } from './webhook-url.js';

const DESCRIPTION_LENGTH_MAX = 200;
const WEEK_SECONDS = 604_800;
const DAY_SECONDS = 86_400;

const url = z
  .string()
  .min(1)
  .max(WEBHOOK_URL_LENGTH_MAX)
  .describe(
    'An https URL on the internet, without user, password or fragment. The operator may allow http and private networks.',
  );
const events = z
  .array(z.enum(WEBHOOK_EVENTS))
  .min(1)
  .max(WEBHOOK_EVENTS.length)
  .transform((types) => [...new Set(types)])
  .describe('What it is sent.');
const description = z
  .string()
  .max(DESCRIPTION_LENGTH_MAX)
  .refine((text) => !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text), 'must be one line')
  .nullable();

/** The body of `POST /v1/webhooks`. */
export const createWebhookRequest = z.strictObject({ url, events, description: description.default(null) }).meta({
  id: 'CreateWebhook',
  examples: [{ url: 'https://hooks.example.com/tollgate', events: ['credit.threshold_crossed', 'api_key.leaked'] }],
});
export type CreateWebhookRequest = z.output<typeof createWebhookRequest>;

/** The body of `PATCH /v1/webhooks/{id}`. A field that is left out stays as it is. */
export const updateWebhookRequest = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    description: description.optional(),
    enabled: z
      .boolean()
      .optional()
      .describe('false gives up what waits for it and sends it nothing more; true begins again.'),
  })
  .meta({ id: 'UpdateWebhook', examples: [{ events: ['api_key.leaked'] }, { enabled: false }] });
export type UpdateWebhookRequest = z.output<typeof updateWebhookRequest>;

/** The body of `POST /v1/webhooks/{id}/rotate`; it may be left out. */
export const rotateWebhookRequest = z
  .strictObject({
    grace_period_seconds: z
      .int()
      .min(0)
      .max(WEEK_SECONDS)
      .default(DAY_SECONDS)
      .describe(
        'For how long messages are signed with the secret before as well, a week at most; 0 ends it at once, and one before it too.',
      ),
  })
  .meta({ id: 'RotateWebhook', examples: [{ grace_period_seconds: 3_600 }, {}] });
export type RotateWebhookRequest = z.output<typeof rotateWebhookRequest>;

/** The query of `GET /v1/webhooks`. */
export const listWebhooksRequest = z.strictObject(pageQuery);
export type ListWebhooksRequest = z.output<typeof listWebhooksRequest>;

/** The query of `GET /v1/webhooks/{id}/deliveries`. */
export const listDeliveriesRequest = z.strictObject({
  ...pageQuery,
  state: shown(z.enum(['pending', 'delivered', 'failed']).optional(), {
    type: 'string',
    enum: ['pending', 'delivered', 'failed'],
    description: 'Only deliveries in this state.',
  }),
});
export type ListDeliveriesRequest = z.output<typeof listDeliveriesRequest>;

const id = uuid.describe('The `id` of a webhook, in any case.');

/** The webhook that a path names. A malformed id is answered with 404, like that of an unknown one. */
export const webhookPath = pathSchema('webhook_not_found', z.object({ id }));
export type WebhookPath = z.output<typeof webhookPath>;

/** A delivery of a webhook. */
export const deliveryPath = pathSchema(
  'webhook_delivery_not_found',
  z.object({ id, delivery: uuid.describe('The `id` of a delivery, in any case.') }),
);
export type DeliveryPath = z.output<typeof deliveryPath>;

/** The list of webhooks in pages, newest first. */
export const WEBHOOK_PAGES = new Pages('webhooks', newestFirst(z.uuid()));
/** The list of a webhook's deliveries in pages, newest first. */
export const DELIVERY_PAGES = new Pages('webhook_deliveries', newestFirst(z.uuid()));

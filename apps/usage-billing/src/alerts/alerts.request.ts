import { emailAddressField, newestFirst, pageQuery, Pages, readAmount, usdAmount } from '@tollgate/http';
import { uuid } from '@tollgate/contracts';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { LEVELS, type Level } from './credit-level.js';

const EMAILS_MAX = 20;
const ACCOUNT_LENGTH_MAX = 200;

const levels = z
  .array(z.literal(LEVELS))
  .max(LEVELS.length)
  .transform((given): Level[] => LEVELS.filter((level) => given.includes(level)))
  .describe('In per cent of each limit and balance; an empty list tells of none.');

const floor = usdAmount(0n, 'A day on which a key spends less is never unusual.').transform(readAmount);

/** The body of `PATCH /v1/alerts/settings`. A field that is left out stays as it is. */
export const updateAlertSettingsRequest = z
  .strictObject({
    levels: levels.optional(),
    emails: z
      .array(emailAddressField)
      .max(EMAILS_MAX)
      .transform((emails) => [...new Set(emails)])
      .optional()
      .describe('Who gets the mails besides the owners.'),
    unusual_spend: z.strictObject({ enabled: z.boolean().optional(), floor_usd: floor.optional() }).optional(),
  })
  .meta({
    id: 'UpdateAlertSettings',
    examples: [{ levels: [50, 80, 90, 100], emails: ['finance@example.com'] }, { unusual_spend: { enabled: false } }],
  });
export type UpdateAlertSettingsRequest = z.output<typeof updateAlertSettingsRequest>;

/** The query of `GET /v1/alerts`. */
export const listAlertsRequest = z.strictObject({
  ...pageQuery,
  kind: shown(z.enum(['credit_threshold', 'unusual_spend']).optional(), {
    type: 'string',
    enum: ['credit_threshold', 'unusual_spend'],
    description: 'Only alerts of this kind.',
  }),
  account: shown(z.string().min(1).max(ACCOUNT_LENGTH_MAX).optional(), {
    type: 'string',
    minLength: 1,
    maxLength: ACCOUNT_LENGTH_MAX,
    description: 'Only alerts about this account, as an alert names it.',
  }),
  api_key_id: shown(uuid.optional(), {
    type: 'string',
    format: 'uuid',
    description: 'Only alerts about this key.',
  }),
  level: shown(
    z
      .enum(['50', '80', '90', '100'])
      .transform((text) => Number(text) as Level)
      .optional(),
    { type: 'integer', enum: [...LEVELS], minimum: 50, maximum: 100, description: 'Only alerts of this level.' },
  ),
});
export type ListAlertsRequest = z.output<typeof listAlertsRequest>;

/** The list of alerts in pages, newest first. */
export const ALERT_PAGES = new Pages('alerts', newestFirst(z.uuid()));

import { idOfHash } from '@tollgate/api-key';
import { uuid } from '@tollgate/contracts';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { ACTIVITY_DAYS, activityDays } from './activity-days.js';

/** The query of `GET /api/v1/activity`. */
export const activityQuery = z
  .strictObject({
    date: shown(z.string().max(100).optional(), {
      type: 'string',
      format: 'date',
      description: `Only this UTC day: one of the last ${ACTIVITY_DAYS} that are over.`,
    }),
    api_key_hash: shown(
      z
        .string()
        .max(100)
        .transform((text, context) => {
          const id = idOfHash(text);
          if (id !== null) return id;
          context.addIssue({ code: 'custom', message: 'must be the hash of a key, as /api/v1/keys tells it' });
          return z.NEVER;
        })
        .optional(),
      {
        type: 'string',
        minLength: 64,
        maxLength: 64,
        description: 'Only calls of this key: `hash` of `/api/v1/keys`.',
      },
    ),
    user_id: shown(uuid.optional(), {
      type: 'string',
      format: 'uuid',
      description: 'Only calls of keys of this member.',
    }),
  })
  .transform(({ date, api_key_hash: apiKeyId, user_id: memberId }, context) => {
    const bounds = activityDays(date, Date.now());
    if (bounds !== null) return { bounds, apiKeyId, memberId };
    const message = `must be a date (YYYY-MM-DD) within the last ${ACTIVITY_DAYS} completed UTC days`;
    context.addIssue({ code: 'custom', path: ['date'], message });
    return z.NEVER;
  });
export type ActivityQuery = z.output<typeof activityQuery>;

import { z } from 'zod';

const WEEK_SECONDS = 604_800;
const DAY_SECONDS = 86_400;
/** Last uses are known some seconds later; a minute is far above that. */
const IDLE_SECONDS_MIN = 60;

/** The body of `POST /v1/api-keys/{id}/rotate`; it may be left out. */
export const rotateKeyRequest = z
  .strictObject({
    grace_period_seconds: z
      .int()
      .min(0)
      .max(WEEK_SECONDS)
      .default(DAY_SECONDS)
      .describe('For how long the secret before can still be used, a week at most; 0 ends it at once.'),
    end_when_idle_seconds: z
      .int()
      .min(IDLE_SECONDS_MIN)
      .max(WEEK_SECONDS)
      .nullable()
      .default(null)
      .describe(
        'Ends the secret before earlier, once it was not used for this long. Null ends it with its grace period.',
      ),
  })
  .meta({ id: 'RotateApiKey', examples: [{ grace_period_seconds: 3_600 }, { end_when_idle_seconds: 900 }, {}] });

/** The request as its schema has read it. */
export type RotateKeyRequest = z.output<typeof rotateKeyRequest>;

import { readUsd, CAP_NANO_USD_MAX } from '@tollgate/credit';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { expiresAt, name } from '../keys/create-key/key-fields.js';

/** As many as OpenRouter has on a page. */
export const PAGE_KEYS = 100;

/** The query of `GET /api/v1/keys`. */
export const listOpenRouterKeysRequest = z.strictObject({
  offset: shown(
    z
      .string()
      .regex(/^\d{1,7}$/, 'must be a whole number from 0 to 9999999')
      .default('0')
      .transform(Number),
    {
      type: 'integer',
      minimum: 0,
      maximum: 9_999_999,
      default: 0,
      description: `How many keys are passed over; a page has at most ${PAGE_KEYS}.`,
    },
  ),
  include_disabled: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('Whether keys that are switched off or have ended are listed too.'),
});
export type ListOpenRouterKeysRequest = z.output<typeof listOpenRouterKeysRequest>;

const limit = shown(
  z.number().refine((amount) => {
    const nanoUsd = readUsd(amount);
    return nanoUsd !== null && nanoUsd <= CAP_NANO_USD_MAX;
  }, 'must be an amount in USD from 0 to 9000000 with at most 9 decimals'),
  { type: 'number', minimum: 0, maximum: 9_000_000 },
)
  .nullable()
  .optional()
  .describe('What the key may spend in each cycle, or in all, in USD; null is unlimited.');
const limitReset = z
  .enum(['daily', 'weekly', 'monthly'])
  .nullable()
  .optional()
  .describe('How often the limit begins anew; null is never.');
const byok = z.boolean().optional().describe('Has no effect: nobody brings keys of providers.');

/** The body of `POST /api/v1/keys`. */
export const createOpenRouterKeyRequest = z
  .strictObject({
    name,
    limit,
    limit_reset: limitReset,
    expires_at: expiresAt.optional().describe('Null never expires.'),
    include_byok_in_limit: byok,
  })
  .meta({
    id: 'CreateOpenRouterKey',
    examples: [{ name: 'support bot', limit: 25, limit_reset: 'monthly', expires_at: '2027-12-31T23:59:59Z' }],
  });
export type CreateOpenRouterKeyRequest = z.output<typeof createOpenRouterKeyRequest>;

/** The body of `PATCH /api/v1/keys/{hash}`: what is left out stays. */
export const updateOpenRouterKeyRequest = z
  .strictObject({
    name: name.optional(),
    disabled: z.boolean().optional().describe('Switches the key off or on.'),
    limit,
    limit_reset: limitReset,
    include_byok_in_limit: byok,
  })
  .meta({ id: 'UpdateOpenRouterKey', examples: [{ name: 'support bot', limit: 40 }, { disabled: true }] });
export type UpdateOpenRouterKeyRequest = z.output<typeof updateOpenRouterKeyRequest>;

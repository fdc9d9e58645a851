import { creditLimitRaise } from '@tollgate/http';
import { z } from 'zod';
import { ONE_EXPIRY } from '../create-key/create-key.request.js';
import {
  allowedIps,
  browserUse,
  creditLimit,
  creditReset,
  description,
  expiresAt,
  expiresInDays,
  FIELD_TEXTS,
  groups,
  models,
  name,
  projectId,
  rateLimit,
  rotateEveryDays,
  scopes,
} from '../create-key/key-fields.js';

const rate = rateLimit.optional();

/**
 * The body of `PATCH /v1/api-keys/{id}` (RFC 7396): a field that is left out stays as it is, null takes it away, and a
 * list takes the place of the one that was there.
 */
export const updateKeyRequest = z
  .strictObject({
    name: name.optional().describe(FIELD_TEXTS.name),
    description: description.optional().describe(FIELD_TEXTS.description),
    scopes: scopes.optional().describe(FIELD_TEXTS.scopes),
    expires_in_days: expiresInDays.optional().describe(FIELD_TEXTS.expiresInDays),
    expires_at: expiresAt.optional().describe(FIELD_TEXTS.expiresAt),
    credit_limit_usd: creditLimit
      .optional()
      .describe(`${FIELD_TEXTS.creditLimit} A first limit counts what the key was charged in its cycle before.`),
    credit_limit_raise: creditLimitRaise.optional(),
    credit_reset: creditReset.optional().describe(FIELD_TEXTS.creditReset),
    rate_limits: z
      .strictObject({ requests_per_minute: rate, tokens_per_minute: rate, parallel_requests: rate })
      .nullable()
      .optional()
      .describe('Each of them that is left out stays as it is. Null is unlimited, for each of them and for all.'),
    models: models.optional().describe(FIELD_TEXTS.models),
    allowed_ips: allowedIps.optional().describe(FIELD_TEXTS.allowedIps),
    project_id: projectId.optional().describe(FIELD_TEXTS.projectId),
    browser_use: browserUse.optional().describe(FIELD_TEXTS.browserUse),
    rotate_every_days: rotateEveryDays.optional().describe(FIELD_TEXTS.rotateEveryDays),
    groups: groups.nullable().optional().describe(FIELD_TEXTS.groups),
  })
  .refine(ONE_EXPIRY.holds, ONE_EXPIRY.fault)
  .meta({
    id: 'UpdateApiKey',
    examples: [
      { name: 'support bot, Berlin' },
      { credit_limit_usd: '40', credit_reset: 'monthly' },
      { models: ['gpt-4o*'], allowed_ips: null, expires_in_days: 30 },
    ],
  });

/** The request as its schema has read it. */
export type UpdateKeyRequest = z.output<typeof updateKeyRequest>;

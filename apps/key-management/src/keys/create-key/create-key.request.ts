import { z } from 'zod';
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
} from './key-fields.js';

const rate = rateLimit.default(null);

/** Settings of keys of every kind, as a request for a new key has them. */
const settingsOfAllKinds = {
  name: name.describe(FIELD_TEXTS.name),
  description: description.default(null).describe(FIELD_TEXTS.description),
  expires_in_days: expiresInDays.default(null).describe(FIELD_TEXTS.expiresInDays),
  expires_at: expiresAt.default(null).describe(FIELD_TEXTS.expiresAt),
  allowed_ips: allowedIps.default(null).describe(FIELD_TEXTS.allowedIps),
  browser_use: browserUse.default(null).describe(FIELD_TEXTS.browserUse),
  rotate_every_days: rotateEveryDays.default(null).describe(FIELD_TEXTS.rotateEveryDays),
};

/** The rule about the two ways to write an expiry. */
export const ONE_EXPIRY = {
  holds: (request: { readonly expires_at?: unknown; readonly expires_in_days?: unknown }): boolean =>
    request.expires_at == null || request.expires_in_days == null,
  fault: { path: ['expires_at'], message: 'must not be given together with expires_in_days' },
};

/**
 * The body of `POST /v1/api-keys`, as it is written. `keySettings` turns it into the settings of the key, which depend
 * on the time of the request.
 */
export const createKeyRequest = z
  .strictObject({
    ...settingsOfAllKinds,
    scopes: scopes.nullable().default(null).describe(`${FIELD_TEXTS.scopes} Without it, both scopes of inference.`),
    credit_limit_usd: creditLimit.default(null).describe(FIELD_TEXTS.creditLimit),
    credit_reset: creditReset.default(null).describe(FIELD_TEXTS.creditReset),
    rate_limits: z
      .strictObject({ requests_per_minute: rate, tokens_per_minute: rate, parallel_requests: rate })
      .nullable()
      .default(null)
      .describe(FIELD_TEXTS.rateLimits),
    models: models.default(null).describe(FIELD_TEXTS.models),
    project_id: projectId.default(null).describe(FIELD_TEXTS.projectId),
    groups: groups.nullable().default(null).describe(FIELD_TEXTS.groups),
  })
  .refine(ONE_EXPIRY.holds, ONE_EXPIRY.fault)
  .meta({
    id: 'CreateApiKey',
    examples: [
      { name: 'support bot', credit_limit_usd: '25.00', expires_in_days: 90, models: ['gpt-4o*'] },
      { name: 'nightly batch', rate_limits: { requests_per_minute: 600, tokens_per_minute: null } },
      { name: 'web demo', credit_limit_usd: '5', credit_reset: 'daily', browser_use: 'allowed' },
    ],
  });

/** The request as its schema has read it. */
export type CreateKeyRequest = z.output<typeof createKeyRequest>;

/** The body of `POST /v1/projects/{id}/api-keys`. A project key opens no inference, so it has no limits of that. */
export const createProjectKeyRequest = z
  .strictObject(settingsOfAllKinds)
  .refine(ONE_EXPIRY.holds, ONE_EXPIRY.fault)
  .meta({ id: 'CreateProjectApiKey', examples: [{ name: 'tracing of the support bot', expires_in_days: 365 }] });
export type CreateProjectKeyRequest = z.output<typeof createProjectKeyRequest>;

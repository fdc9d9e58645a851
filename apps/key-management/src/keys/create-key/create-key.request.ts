import { DEFAULT_SCOPES, parseSubnet, SCOPES } from '@tollgate/api-key';
import { CAP_NANO_USD_MAX, formatUsd } from '@tollgate/credit';
import { z } from 'zod';
import { readUsd } from './read-usd.js';
import { hasVisibleCharacter } from './visible-character.js';

const EXPIRES_IN_DAYS_MAX = 3_650;
const LIST_ITEMS_MAX = 100;
/** Far above what any provider serves, and a 32-bit integer in Postgres. */
const RATE_LIMIT_MAX = 1_000_000_000;
const DAY_MS = 86_400_000;

/** Names stand in logs, mails and tables: no line breaks or other control characters (and Postgres takes no NUL). */
const WITHOUT_CONTROL_CHARACTERS = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;
/** Embeddings, overrides and isolates (UAX #9): with them a name reads as another, and turns the text around it. */
const WITHOUT_DIRECTIONS = /^[^\u202a-\u202e\u2066-\u2069]*$/;
/** JSON can spell half of a surrogate pair; neither UTF-8 nor Postgres can hold one. */
const text = z
  .string()
  .regex(/^\P{Surrogate}*$/u, 'must be well-formed Unicode text')
  .trim();
const line = (charactersMax: number) =>
  text
    .min(1)
    .max(charactersMax)
    .regex(WITHOUT_CONTROL_CHARACTERS, 'must have no control characters')
    .regex(WITHOUT_DIRECTIONS, 'must have no characters that change the direction of text');

/** Without one a name reads as no name. */
export const name = line(100).refine(
  (text) => text === '' || hasVisibleCharacter(text),
  'must have at least one visible character',
);
/** What a caller may write in "model", as config.yaml names routes: `*` stands for any characters. */
const model = line(200).regex(/^\S*$/u, 'must have no spaces');

const creditLimit = z.union([z.string(), z.number()]).transform((amount, context) => {
  const nanoUsd = readUsd(amount);
  if (nanoUsd !== null && nanoUsd <= CAP_NANO_USD_MAX) return nanoUsd;
  context.addIssue({
    code: 'custom',
    message: `must be an amount in USD from 0 to ${formatUsd(CAP_NANO_USD_MAX)} with at most 9 decimals`,
  });
  return z.NEVER;
});
const rateLimit = z.int().min(1).max(RATE_LIMIT_MAX).nullable().default(null);
const subnet = z
  .string()
  .refine((text) => parseSubnet(text) !== null, 'must be an IP address, or a subnet as 192.168.1.0/24');
const list = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(LIST_ITEMS_MAX);
const daysAfter = (moment: Date, days: number): Date => new Date(moment.getTime() + days * DAY_MS);
const distinct = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

/**
 * `POST /v1/api-keys` as the use case takes it. What is absent or null is not limited; a key made without scopes
 * gets both of inference.
 */
export const createKeyRequest = (now: Date) =>
  z
    .strictObject({
      name,
      description: text
        .max(500)
        .regex(/^[^\u0000]*$/u, 'must have no NUL characters')
        .nullable()
        .default(null),
      scopes: z.array(z.enum(SCOPES)).min(1).max(LIST_ITEMS_MAX).nullable().default(null),
      expires_in_days: z.int().min(1).max(EXPIRES_IN_DAYS_MAX).nullable().default(null),
      expires_at: z.iso
        .datetime({ offset: true })
        .transform((text) => new Date(text))
        .nullable()
        .default(null),
      credit_limit_usd: creditLimit.nullable().default(null),
      rate_limits: z
        .strictObject({ requests_per_minute: rateLimit, tokens_per_minute: rateLimit, parallel_requests: rateLimit })
        .nullable()
        .default(null),
      models: list(model).nullable().default(null),
      allowed_ips: list(subnet).nullable().default(null),
    })
    .superRefine(({ expires_at, expires_in_days }, context) => {
      if (expires_at === null) return;
      if (expires_in_days !== null)
        context.addIssue({
          code: 'custom',
          path: ['expires_at'],
          message: 'must not be given together with expires_in_days',
        });
      if (expires_at <= now)
        context.addIssue({ code: 'custom', path: ['expires_at'], message: 'must be in the future' });
      if (expires_at > daysAfter(now, EXPIRES_IN_DAYS_MAX))
        context.addIssue({
          code: 'custom',
          path: ['expires_at'],
          message: `must be at most ${EXPIRES_IN_DAYS_MAX} days ahead`,
        });
    })
    .transform((request) => ({
      name: request.name,
      description: request.description === '' ? null : request.description,
      scopes: distinct(request.scopes ?? DEFAULT_SCOPES),
      expiresAt: request.expires_in_days === null ? request.expires_at : daysAfter(now, request.expires_in_days),
      creditLimitNanoUsd: request.credit_limit_usd,
      rateLimits: {
        requestsPerMinute: request.rate_limits?.requests_per_minute ?? null,
        tokensPerMinute: request.rate_limits?.tokens_per_minute ?? null,
        parallelRequests: request.rate_limits?.parallel_requests ?? null,
      },
      models: request.models === null ? null : distinct(request.models),
      allowedIps: request.allowed_ips === null ? null : distinct(request.allowed_ips),
    }));

export type KeySettings = z.output<ReturnType<typeof createKeyRequest>>;

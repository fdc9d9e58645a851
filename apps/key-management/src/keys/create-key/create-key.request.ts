import { parseSubnet, SCOPES } from '@tollgate/api-key';
import { CAP_NANO_USD_MAX, formatUsd, readUsd } from '@tollgate/credit';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { hasVisibleCharacter } from './visible-character.js';

/** The longest time until a key expires, in days. */
export const EXPIRES_IN_DAYS_MAX = 3_650;
const LIST_ITEMS_MAX = 100;
/** It is far above what any provider serves, and fits a 32-bit integer of Postgres. */
const RATE_LIMIT_MAX = 1_000_000_000;

/** Names appear in logs, mails and tables, so they have no control characters; Postgres also refuses NUL. */
const WITHOUT_CONTROL_CHARACTERS = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;
/** Embeddings, overrides and isolates (UAX #9) can make a name look like another, and reorder the text around it. */
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

/** A name needs a visible character, since it would otherwise look empty. */
export const name = line(100).refine(
  (text) => text === '' || hasVisibleCharacter(text),
  'must have at least one visible character',
);
/** Any text; null is none. */
export const description = text
  .max(500)
  .regex(/^[^\u0000]*$/u, 'must have no NUL characters')
  .nullable();
/** A pattern for the `model` of requests, as for the names of routes in config.yaml: `*` stands for any characters. */
const model = line(200).regex(/^\S*$/u, 'must have no spaces');

const CREDIT_LIMIT = `must be an amount in USD from 0 to ${formatUsd(CAP_NANO_USD_MAX)} with at most 9 decimals`;
const creditLimit = shown(
  z
    .union([z.string(), z.number()])
    .refine((amount) => (readUsd(amount) ?? CAP_NANO_USD_MAX + 1n) <= CAP_NANO_USD_MAX, CREDIT_LIMIT),
  {
    anyOf: [
      { type: 'string', pattern: String.raw`^\d{1,7}(\.\d{1,9})?$` },
      { type: 'number', minimum: 0, maximum: Number(formatUsd(CAP_NANO_USD_MAX)) },
    ],
  },
);
const rateLimit = z.int().min(1).max(RATE_LIMIT_MAX).nullable().default(null);
/** An IPv6 address with an IPv4 address in it, and a prefix. */
const SUBNET_CHARACTERS_MAX = 49;
const subnet = z
  .string()
  .max(SUBNET_CHARACTERS_MAX)
  .refine((text) => parseSubnet(text) !== null, 'must be an IP address, or a subnet as 192.168.1.0/24');
const list = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(LIST_ITEMS_MAX);

/**
 * The body of `POST /v1/api-keys`, as it is written. `keySettings` turns it into the settings of the key, which depend
 * on the time of the request.
 */
export const createKeyRequest = z
  .strictObject({
    name: name.describe('One line with at least one visible character.'),
    description: description.default(null),
    scopes: z
      .array(z.enum(SCOPES))
      .min(1)
      .max(LIST_ITEMS_MAX)
      .nullable()
      .default(null)
      .describe('What the key opens; without it, both scopes of inference.'),
    expires_in_days: z
      .int()
      .min(1)
      .max(EXPIRES_IN_DAYS_MAX)
      .nullable()
      .default(null)
      .describe('Not to be given together with `expires_at`.'),
    expires_at: z.iso
      .datetime({ offset: true })
      .nullable()
      .default(null)
      .describe(`A moment in the future, at most ${EXPIRES_IN_DAYS_MAX} days ahead.`),
    credit_limit_usd: creditLimit
      .nullable()
      .default(null)
      .describe('What the key may spend in all. A decimal string is taken exactly; null is unlimited.'),
    rate_limits: z
      .strictObject({ requests_per_minute: rateLimit, tokens_per_minute: rateLimit, parallel_requests: rateLimit })
      .nullable()
      .default(null)
      .describe('Null is unlimited, for each of them.'),
    models: list(model)
      .nullable()
      .default(null)
      .describe('The names that `model` may have; `*` stands for any characters. Null allows every route.'),
    allowed_ips: list(subnet)
      .nullable()
      .default(null)
      .describe('Addresses and subnets, as `192.168.1.0/24`, that the key may be used from. Null allows all.'),
  })
  .refine(({ expires_at, expires_in_days }) => expires_at === null || expires_in_days === null, {
    path: ['expires_at'],
    message: 'must not be given together with expires_in_days',
  })
  .meta({
    id: 'CreateApiKey',
    examples: [
      { name: 'support bot', credit_limit_usd: '25.00', expires_in_days: 90, models: ['gpt-4o*'] },
      { name: 'nightly batch', rate_limits: { requests_per_minute: 600, tokens_per_minute: null } },
    ],
  });

/** The request as its schema has read it. */
export type CreateKeyRequest = z.output<typeof createKeyRequest>;

import { BROWSER_USES, CREDIT_RESETS, findSecrets, parseSubnet, SCOPES } from '@tollgate/api-key';
import { uuid } from '@tollgate/contracts';
import { usdAmount } from '@tollgate/http';
import { z } from 'zod';
import { GROUPS_OF_KEY_MAX } from '../../groups/group.js';
import { hasVisibleCharacter } from './visible-character.js';

// The settings of keys as requests write them: the same bounds wherever a key is made or changed.

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
  // Names and descriptions stand in lists, mails and audit trails.
  .refine((text) => findSecrets(text).length === 0, 'must have no secret of a key')
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

const list = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(LIST_ITEMS_MAX);

/** What a key opens. A list without a scope would be a key without a use. */
export const scopes = list(z.enum(SCOPES));

export const expiresInDays = z.int().min(1).max(EXPIRES_IN_DAYS_MAX).nullable();
export const expiresAt = z.iso.datetime({ offset: true }).nullable();

/** Null is unlimited. */
export const creditLimit = usdAmount(0n).nullable();
export const creditReset = z.enum(CREDIT_RESETS).nullable();

/** Null is unlimited. */
export const rateLimit = z.int().min(1).max(RATE_LIMIT_MAX).nullable();

/** Null allows every route. */
export const models = list(model).nullable();

/** An IPv6 address with an IPv4 address in it, and a prefix. */
const SUBNET_CHARACTERS_MAX = 49;
const subnet = z
  .string()
  .max(SUBNET_CHARACTERS_MAX)
  .refine((text) => parseSubnet(text) !== null, 'must be an IP address, or a subnet as 192.168.1.0/24');
/** Null allows all addresses. */
export const allowedIps = list(subnet).nullable();

export const projectId = uuid.nullable();
export const browserUse = z.enum(BROWSER_USES).nullable();
export const rotateEveryDays = z.int().min(1).max(EXPIRES_IN_DAYS_MAX).nullable();
/** An empty list is no group, which opens the least. */
export const groups = z.array(uuid).max(GROUPS_OF_KEY_MAX);

/** The texts that the document shows beside the fields, the same for all requests that have them. */
export const FIELD_TEXTS = {
  name: 'One line with at least one visible character.',
  description: 'Null, or an empty text, is none.',
  scopes: 'What the key opens.',
  expiresInDays: 'So many times 86,400 seconds from now. Not to be given together with `expires_at`.',
  expiresAt: `A moment in the future, at most ${EXPIRES_IN_DAYS_MAX} days ahead; null never expires.`,
  creditLimit: 'What the key may spend, in all or in each cycle. A decimal string is taken exactly; null is unlimited.',
  creditReset:
    'When the limit begins anew: each day at 00:00 UTC, on Mondays, on the first of the month, or never, which null is too. Only a key with a limit can have another one than never.',
  rateLimits: 'Null is unlimited, for each of them.',
  models: 'The names that `model` may have; `*` stands for any characters. Null allows every route.',
  allowedIps: 'Addresses and subnets, as `192.168.1.0/24`, that the key may be used from. Null allows all.',
  projectId: 'A project of the same organisation; null is none.',
  browserUse:
    'With `refused`, requests that web pages send are answered 403: those with the header `Origin` or `Sec-Fetch-Site`. Null is `allowed`.',
  rotateEveryDays: 'After how many days its owners are reminded by mail to rotate it. Null is never.',
  groups:
    'The ids of groups of the same organisation; the key gets their routes at once. Of people only admins and owners may put keys into groups or take them out.',
} as const;

import { CREDIT_RESETS, DEFAULT_SCOPES, type CreditReset } from '@tollgate/api-key';
import { fieldErrors, validate, type FieldError } from '@tollgate/errors';
import { z } from 'zod';
import { createKeyRequest, type CreateKeyRequest } from '../keys/create-key/create-key.request.js';
import { name } from '../keys/create-key/key-fields.js';
import { keySettings } from '../keys/create-key/key-settings.js';
import { CALLBACK_LENGTH_MAX, readCallback, type Callback } from './callback-url.js';
import { readChallenge, type Challenge } from './challenge.js';

/** An amount of USD as a query and a form have it. */
const AMOUNT = /^\d{1,7}(?:\.\d{1,9})?$/;
const AMOUNT_FORM = 'must be an amount in USD, as 12.50';
const ORGANIZATION_LENGTH_MAX = 64;
/** With everything else that an app may say, percent-encoded: what the page to sign in on can lead back to. */
const PATH_LENGTH_MAX = 2_000;

const emptyIsNone = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

/**
 * The query of `GET /auth`, with which an app sends a person here. Parameters of OpenRouter that are not among these
 * are passed over, as are those that trackers add to links.
 */
export const authQuery = z
  .object({
    callback_url: z
      .string()
      .max(CALLBACK_LENGTH_MAX)
      .optional()
      .describe('Where the person goes back to: https, or http to localhost, 127.0.0.1 or [::1] on any port.'),
    code_challenge: z
      .string()
      .max(128)
      .optional()
      .describe('For `S256` the SHA-256 of the verifier in base64url; for `plain` the verifier.'),
    code_challenge_method: z.string().max(20).optional().describe('`S256` or `plain`; left out, it is `plain`.'),
    key_label: emptyIsNone(name).describe('What the app would call the key.'),
    limit: emptyIsNone(z.string().regex(AMOUNT, AMOUNT_FORM)).describe(
      'The credit limit in USD that the app asks for.',
    ),
    usage_limit_type: emptyIsNone(z.enum(['daily', 'weekly', 'monthly'])).describe('How often that limit begins anew.'),
    expires_at: emptyIsNone(z.iso.datetime({ offset: true })).describe('When the key is to expire at the latest.'),
    organization_id: z
      .string()
      .max(ORGANIZATION_LENGTH_MAX)
      .optional()
      .describe('The organisation that the page shows first; a person of several can choose another one.'),
  })
  .meta({ id: 'AuthQuery' });

/** What an app asks a person for. */
export interface KeyWish {
  readonly callback: Callback;
  /** Null only where the operator allows it. */
  readonly challenge: Challenge | null;
  readonly label: string | null;
  readonly creditLimitUsd: string | null;
  readonly creditReset: CreditReset;
  /** The key expires then at the latest. */
  readonly expiresAt: Date | null;
  /** The organisation that the person has chosen, or that the app names. */
  readonly organizationId: string | null;
  /** The query as our own pages write it, without the organisation: the same wish has the same. */
  readonly query: string;
}

/** A wish, or the parameters that are at fault. */
export type WishResult =
  | { readonly kind: 'valid'; readonly wish: KeyWish }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/** Reads the query of `/auth`. `withoutChallenge` says whether the operator lets apps do without a challenge. */
export function readWish(query: z.output<typeof authQuery>, withoutChallenge: boolean, now: Date): WishResult {
  if (query.callback_url === undefined) return invalid('callback_url', 'is required');
  const read = readCallback(query.callback_url);
  if (read.kind === 'invalid') return invalid('callback_url', read.message);
  const challenge = readChallenge(query.code_challenge, query.code_challenge_method, withoutChallenge);
  if (challenge.kind === 'invalid') return invalid(challenge.path, challenge.message);
  const expiresAt = query.expires_at === undefined ? null : new Date(query.expires_at);
  if (expiresAt !== null && expiresAt <= now) return invalid('expires_at', 'must be in the future');
  const canonical = canonicalQuery(query, read.callback);
  if (`/auth?${canonical}`.length > PATH_LENGTH_MAX)
    return invalid('', `the parameters must have at most ${PATH_LENGTH_MAX} characters together`);
  return {
    kind: 'valid',
    wish: {
      callback: read.callback,
      challenge: challenge.challenge,
      label: query.key_label ?? null,
      creditLimitUsd: query.limit ?? null,
      creditReset: query.usage_limit_type ?? 'never',
      expiresAt,
      organizationId: query.organization_id ?? null,
      query: canonical,
    },
  };
}

const invalid = (path: string, message: string) => ({ kind: 'invalid', errors: [{ path, message }] }) as const;

function canonicalQuery({ organization_id: _, ...query }: z.output<typeof authQuery>, { url }: Callback): string {
  const given = Object.entries({ ...query, callback_url: url }).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given as [string, string][]).toString();
}

/** What the form of the page sends, all as texts. What the person has entered is read by `keyRequestOf`. */
export const consentForm = z
  .strictObject({
    request: z.string().max(PATH_LENGTH_MAX).describe('The query that the page was asked for with.'),
    csrf_token: z.string().max(100),
    organization_id: z.string().max(ORGANIZATION_LENGTH_MAX),
    decision: z.enum(['agree', 'decline']),
    name: z.string().max(1_000).default(''),
    credit_limit_usd: z.string().max(100).default(''),
    credit_reset: z.enum(CREDIT_RESETS).default('never'),
    models: z.string().max(30_000).default('').describe('Names, with spaces, commas or line ends between them.'),
    expires_in_days: z.string().max(100).default(''),
    project_id: z.string().max(100).default(''),
  })
  .meta({ id: 'Consent' });
export type ConsentForm = z.output<typeof consentForm>;

/** The key that a person has agreed to, or the fields of the form that are at fault. */
export type KeyRequestResult =
  | { readonly kind: 'valid'; readonly request: CreateKeyRequest }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/**
 * The request for the key that a person has agreed to, by the rules of every key. It opens inference and nothing else,
 * expires when the app asked at the latest, and names a moment instead of a number of days: these count from now.
 */
export function keyRequestOf(form: ConsentForm, { expiresAt }: KeyWish, now: Date): KeyRequestResult {
  const days = form.expires_in_days.trim();
  const limit = form.credit_limit_usd.trim();
  const models = form.models.split(/[\s,]+/).filter((model) => model !== '');
  if (days !== '' && !/^\d{1,9}$/.test(days)) return invalid('expires_in_days', 'must be a whole number of days');
  if (limit !== '' && !AMOUNT.test(limit)) return invalid('credit_limit_usd', AMOUNT_FORM);
  const read = validate(createKeyRequest, {
    name: form.name,
    scopes: [...DEFAULT_SCOPES],
    expires_in_days: days === '' ? null : Number(days),
    credit_limit_usd: limit === '' ? null : limit,
    ...(limit !== '' && form.credit_reset !== 'never' && { credit_reset: form.credit_reset }),
    models: models.length === 0 ? null : models,
    ...(form.project_id !== '' && { project_id: form.project_id }),
  });
  if (read.kind === 'invalid') return { kind: 'invalid', errors: fieldErrors(read.faults) };
  const settings = keySettings(read.value, now);
  if (settings.kind === 'invalid') return settings;
  const ends = [settings.settings.expiresAt, expiresAt].filter((each) => each !== null);
  const first = ends.length === 0 ? null : new Date(Math.min(...ends.map((each) => each.getTime())));
  return {
    kind: 'valid',
    request: { ...read.value, expires_in_days: null, expires_at: first?.toISOString() ?? null },
  };
}

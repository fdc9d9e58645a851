import type { FieldError } from '@tollgate/errors';
import { askedRaise, readAmount } from '@tollgate/http';
import type { ApiKey } from '../api-key/api-key.js';
import { distinct, expiryOf, RESET_WITHOUT_LIMIT } from '../create-key/key-settings.js';
import type { UpdateKeyRequest } from './update-key.request.js';

/** What becomes of a key that is to be changed. */
export type KeyEdit =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly key: ApiKey }
  /** Fields that the key of this kind does not have, or that do not fit the time or each other. */
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  /** A key that was revoked keeps its settings, and an organisation may keep the names of its keys. */
  | { readonly kind: 'refused'; readonly code: 'api_key_ended' | 'key_names_immutable' };

type Field = keyof UpdateKeyRequest;

/** The fields that nobody changes by hand, by the kind of the key, and why. */
const FIXED: Readonly<Record<ApiKey['kind'], { readonly fields: readonly Field[]; readonly message: string }>> = {
  router: { fields: [], message: '' },
  project: {
    fields: [
      'scopes',
      'credit_limit_usd',
      'credit_limit_raise',
      'credit_reset',
      'rate_limits',
      'models',
      'project_id',
      'groups',
    ],
    message: 'must be left out: a project key opens no inference and stays with its project',
  },
  subscription: {
    fields: [
      'scopes',
      'expires_in_days',
      'expires_at',
      'credit_limit_usd',
      'credit_limit_raise',
      'credit_reset',
      'rate_limits',
      'models',
      'project_id',
    ],
    message: 'must be left out: the plan of a subscription key decides about it',
  },
};

/**
 * The key as a request for a change leaves it, in a new version. What the request leaves out stays; null takes a
 * setting away. The first limit of a key, and another cycle of one, count from the new version on what the ledger has.
 */
export function editedKey(
  key: ApiKey,
  request: UpdateKeyRequest,
  { namesImmutable }: { readonly namesImmutable: boolean },
  now: Date,
): KeyEdit {
  const { fields, message } = FIXED[key.kind];
  const fixed = fields.filter((field) => request[field] !== undefined);
  if (fixed.length > 0) return { kind: 'invalid', errors: fixed.map((path) => ({ path, message })) };
  const expiry = expiryAsked(key, request, now);
  const credit = creditAsked(key, request, now);
  const errors = [expiry, credit].flatMap((each) => (each.kind === 'invalid' ? [each.error] : []));
  if (expiry.kind === 'invalid' || credit.kind === 'invalid') return { kind: 'invalid', errors };
  const texts = textsAsked(key, request);
  const settings = { ...settingsAsked(key, request), expiresAt: expiry.expiresAt, ...credit.credit };
  const [hasTexts, hasSettings] = [differs(key, texts), differs(key, settings)];
  if (!hasTexts && !hasSettings) return { kind: 'unchanged' };
  if (namesImmutable && texts.name !== key.name) return { kind: 'refused', code: 'key_names_immutable' };
  if (hasSettings && key.revocation !== null) return { kind: 'refused', code: 'api_key_ended' };
  return { kind: 'changed', key: { ...key, ...texts, ...settings, version: key.version + 1 } };
}

function textsAsked(key: ApiKey, { name = key.name, description = key.description }: UpdateKeyRequest) {
  return { name, description: description === '' ? null : description };
}

function settingsAsked(key: ApiKey, request: UpdateKeyRequest): Partial<ApiKey> {
  const { scopes, models, allowed_ips: ips, browser_use: browserUse, groups } = request;
  return {
    scopes: scopes === undefined ? key.scopes : distinct(scopes),
    rateLimits: rateLimitsAsked(key.rateLimits, request.rate_limits),
    models: models === undefined ? key.models : models && distinct(models),
    allowedIps: ips === undefined ? key.allowedIps : ips && distinct(ips),
    projectId: request.project_id === undefined ? key.projectId : request.project_id,
    browserUse: browserUse === undefined ? key.browserUse : (browserUse ?? 'allowed'),
    rotateEveryDays: request.rotate_every_days === undefined ? key.rotateEveryDays : request.rotate_every_days,
    groupIds: groups === undefined ? key.groupIds : distinct(groups ?? []).toSorted(),
  };
}

function rateLimitsAsked(present: ApiKey['rateLimits'], asked: UpdateKeyRequest['rate_limits']): ApiKey['rateLimits'] {
  if (asked === undefined) return present;
  if (asked === null) return { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
  const {
    requests_per_minute: requestsPerMinute = present.requestsPerMinute,
    tokens_per_minute: tokensPerMinute = present.tokensPerMinute,
    parallel_requests: parallelRequests = present.parallelRequests,
  } = asked;
  return { requestsPerMinute, tokensPerMinute, parallelRequests };
}

function expiryAsked(key: ApiKey, request: UpdateKeyRequest, now: Date): ReturnType<typeof expiryOf> {
  if (request.expires_at === undefined && request.expires_in_days === undefined)
    return { kind: 'valid', expiresAt: key.expiresAt };
  return expiryOf(request, now);
}

type Credit = Pick<ApiKey, 'creditLimitNanoUsd' | 'creditReset' | 'creditGeneration' | 'creditRaise'>;

function creditAsked(
  key: ApiKey,
  { credit_limit_usd: limit, credit_reset: reset, credit_limit_raise: raise }: UpdateKeyRequest,
  now: Date,
): { readonly kind: 'valid'; readonly credit: Credit } | { readonly kind: 'invalid'; readonly error: FieldError } {
  const creditLimitNanoUsd = limit === undefined ? key.creditLimitNanoUsd : limit === null ? null : readAmount(limit);
  const raised = askedRaise(raise, key.creditRaise, creditLimitNanoUsd, now);
  if (raised.kind === 'invalid') return raised;
  const { raise: creditRaise } = raised;
  if (creditLimitNanoUsd === null) {
    if (reset !== undefined && (reset ?? 'never') !== 'never') return { kind: 'invalid', error: RESET_WITHOUT_LIMIT };
    const { creditGeneration } = key;
    return { kind: 'valid', credit: { creditLimitNanoUsd, creditReset: 'never', creditGeneration, creditRaise } };
  }
  const creditReset = reset === undefined ? key.creditReset : (reset ?? 'never');
  const counts = key.creditLimitNanoUsd === null || creditReset !== key.creditReset;
  const creditGeneration = counts ? key.version + 1 : key.creditGeneration;
  return { kind: 'valid', credit: { creditLimitNanoUsd, creditReset, creditGeneration, creditRaise } };
}

/** Whether the key has other values in these fields. */
function differs(key: ApiKey, fields: Partial<ApiKey>): boolean {
  const present = Object.fromEntries(Object.keys(fields).map((field) => [field, key[field as keyof ApiKey]]));
  return textOf(present) !== textOf(fields);
}

const textOf = (fields: object): string =>
  JSON.stringify(fields, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

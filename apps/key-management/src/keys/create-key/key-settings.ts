import { DEFAULT_SCOPES } from '@tollgate/api-key';
import { readUsd } from '@tollgate/credit';
import type { FieldError } from '@tollgate/errors';
import type { ApiKey } from '../api-key/api-key.js';
import { EXPIRES_IN_DAYS_MAX, type CreateKeyRequest } from './create-key.request.js';

const DAY_MS = 86_400_000;

/** The fields of a key that the caller chooses. */
type KeySettings = Pick<
  ApiKey,
  'name' | 'description' | 'scopes' | 'expiresAt' | 'creditLimitNanoUsd' | 'rateLimits' | 'models' | 'allowedIps'
>;

/** The settings that a request asks for, or the fields that are at fault. */
export type KeySettingsResult =
  | { readonly kind: 'valid'; readonly settings: KeySettings }
  /** The expiry that the request names is in the past, or too far ahead. */
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/**
 * The settings that a request asks for at the time `now`. A limit that is absent or null is unlimited; without scopes a
 * key gets both inference scopes.
 */
export function keySettings(request: CreateKeyRequest, now: Date): KeySettingsResult {
  const expiresAt = request.expires_at === null ? null : new Date(request.expires_at);
  const fault = expiresAt === null ? null : expiryFault(expiresAt, now);
  if (fault !== null) return { kind: 'invalid', errors: [{ path: 'expires_at', message: fault }] };
  const settings: KeySettings = {
    name: request.name,
    description: request.description === '' ? null : request.description,
    scopes: distinct(request.scopes ?? DEFAULT_SCOPES),
    expiresAt: request.expires_in_days === null ? expiresAt : daysAfter(now, request.expires_in_days),
    creditLimitNanoUsd: request.credit_limit_usd === null ? null : amountOf(request.credit_limit_usd),
    rateLimits: {
      requestsPerMinute: request.rate_limits?.requests_per_minute ?? null,
      tokensPerMinute: request.rate_limits?.tokens_per_minute ?? null,
      parallelRequests: request.rate_limits?.parallel_requests ?? null,
    },
    models: request.models === null ? null : distinct(request.models),
    allowedIps: request.allowed_ips === null ? null : distinct(request.allowed_ips),
  };
  return { kind: 'valid', settings };
}

function expiryFault(expiresAt: Date, now: Date): string | null {
  if (expiresAt <= now) return 'must be in the future';
  return expiresAt > daysAfter(now, EXPIRES_IN_DAYS_MAX) ? `must be at most ${EXPIRES_IN_DAYS_MAX} days ahead` : null;
}

/** Throws instead of returning null, since null would make an unlimited key. */
function amountOf(usd: string | number): bigint {
  const nanoUsd = readUsd(usd);
  if (nanoUsd === null) throw new Error('the request for a key was not read by its schema: its limit is no amount');
  return nanoUsd;
}

const daysAfter = (moment: Date, days: number): Date => new Date(moment.getTime() + days * DAY_MS);
const distinct = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

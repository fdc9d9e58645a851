import { DEFAULT_SCOPES } from '@tollgate/api-key';
import type { FieldError } from '@tollgate/errors';
import { readAmount } from '@tollgate/http';
import type { ApiKey } from '../api-key/api-key.js';
import type { CreateKeyRequest, CreateProjectKeyRequest } from './create-key.request.js';
import { EXPIRES_IN_DAYS_MAX } from './key-fields.js';

const DAY_MS = 86_400_000;

/** The fields of a key of every kind that the caller chooses. */
type SettingsOfAllKinds = Pick<
  ApiKey,
  'name' | 'description' | 'expiresAt' | 'allowedIps' | 'browserUse' | 'rotateEveryDays'
>;
/** The fields of a router key that the caller chooses. */
export type KeySettings = SettingsOfAllKinds &
  Pick<ApiKey, 'scopes' | 'creditLimitNanoUsd' | 'creditReset' | 'rateLimits' | 'models' | 'projectId' | 'groupIds'>;

/** The settings that a request asks for, or the fields that are at fault. */
export type SettingsResult<Settings> =
  | { readonly kind: 'valid'; readonly settings: Settings }
  /** The expiry is in the past or too far ahead, or a limit that is not there begins anew. */
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/**
 * The settings that a request asks for at the time `now`. A limit that is absent or null is unlimited; without scopes a
 * key gets both inference scopes.
 */
export function keySettings(request: CreateKeyRequest, now: Date): SettingsResult<KeySettings> {
  const all = settingsOfAllKinds(request, now);
  const creditLimitNanoUsd = request.credit_limit_usd === null ? null : readAmount(request.credit_limit_usd);
  const creditReset = request.credit_reset ?? 'never';
  const errors = all.kind === 'invalid' ? [...all.errors] : [];
  if (creditLimitNanoUsd === null && creditReset !== 'never') errors.push(RESET_WITHOUT_LIMIT);
  if (all.kind === 'invalid' || errors.length > 0) return { kind: 'invalid', errors };
  const settings: KeySettings = {
    ...all.settings,
    scopes: distinct(request.scopes ?? DEFAULT_SCOPES),
    creditLimitNanoUsd,
    creditReset,
    rateLimits: {
      requestsPerMinute: request.rate_limits?.requests_per_minute ?? null,
      tokensPerMinute: request.rate_limits?.tokens_per_minute ?? null,
      parallelRequests: request.rate_limits?.parallel_requests ?? null,
    },
    models: request.models === null ? null : distinct(request.models),
    projectId: request.project_id,
    groupIds: distinct(request.groups ?? []),
  };
  return { kind: 'valid', settings };
}

/** Those of a project key, which has nothing to do with inference. */
export function projectKeySettings(request: CreateProjectKeyRequest, now: Date): SettingsResult<SettingsOfAllKinds> {
  return settingsOfAllKinds(request, now);
}

function settingsOfAllKinds(request: CreateProjectKeyRequest, now: Date): SettingsResult<SettingsOfAllKinds> {
  const expiry = expiryOf(request, now);
  if (expiry.kind === 'invalid') return { kind: 'invalid', errors: [expiry.error] };
  const settings: SettingsOfAllKinds = {
    name: request.name,
    description: request.description === '' ? null : request.description,
    expiresAt: expiry.expiresAt,
    allowedIps: request.allowed_ips === null ? null : distinct(request.allowed_ips),
    browserUse: request.browser_use ?? 'allowed',
    rotateEveryDays: request.rotate_every_days,
  };
  return { kind: 'valid', settings };
}

/** What a request is told that gives a cycle to a limit that is not there. */
export const RESET_WITHOUT_LIMIT: FieldError = {
  path: 'credit_reset',
  message: 'must be "never" or be left out where credit_limit_usd is null: there is no limit that could begin anew',
};

/** When a key ends that a request gives one of the two, or null, at the time `now`. Days have 86,400 seconds. */
export function expiryOf(
  asked: { readonly expires_at?: string | null | undefined; readonly expires_in_days?: number | null | undefined },
  now: Date,
):
  | { readonly kind: 'valid'; readonly expiresAt: Date | null }
  | { readonly kind: 'invalid'; readonly error: FieldError } {
  if (asked.expires_in_days != null) return { kind: 'valid', expiresAt: daysAfter(now, asked.expires_in_days) };
  if (asked.expires_at == null) return { kind: 'valid', expiresAt: null };
  const expiresAt = new Date(asked.expires_at);
  const message = expiryFault(expiresAt, now);
  return message === null ? { kind: 'valid', expiresAt } : { kind: 'invalid', error: { path: 'expires_at', message } };
}

function expiryFault(expiresAt: Date, now: Date): string | null {
  if (expiresAt <= now) return 'must be in the future';
  return expiresAt > daysAfter(now, EXPIRES_IN_DAYS_MAX) ? `must be at most ${EXPIRES_IN_DAYS_MAX} days ahead` : null;
}

const daysAfter = (moment: Date, days: number): Date => new Date(moment.getTime() + days * DAY_MS);
export const distinct = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

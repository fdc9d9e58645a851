import type { BrowserUse, CreditReset, KeyType, RevokeReason, Scope, SecretForm } from '@tollgate/api-key';
import type { ApiKey, KeySecret, KeySubscription, SecretEndReason } from '../keys/api-key/api-key.js';
import { creditRaiseOf, type CreditRaiseColumns } from '../organizations/credit-raise.js';
import type { BillingTerms, GroupRoutes, OrganizationState } from '../organizations/organization.js';

/** A row that `SELECT_KEY` returns, with the types that the driver gives: `bigint` arrives as text. */
export interface KeyRow extends CreditRaiseColumns {
  id: string;
  position: string;
  organization_id: string;
  name: string;
  description: string | null;
  scopes: Scope[];
  expires_at: Date | null;
  credit_limit_nano_usd: string | null;
  organization_credit_limit_nano_usd: string | null;
  organization_version: number;
  organization_deleted_at: Date | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  parallel_requests: number | null;
  models: string[] | null;
  allowed_ips: string[] | null;
  created_at: Date;
  version: number;
  revoked_at: Date | null;
  revoke_reason: RevokeReason | null;
  deleted_at: Date | null;
  kind: ApiKey['kind'];
  type: KeyType;
  public_key: string | null;
  project_id: string | null;
  member_id: string | null;
  subscription: KeySubscription | null;
  disabled_at: Date | null;
  credit_reset: CreditReset;
  credit_generation: number;
  browser_use: BrowserUse;
  rotate_every_days: number | null;
  secrets: SecretRow[];
  group_ids: string[];
  organization_credit_generation: number;
}

/** A row that `keys.keys_by_digests` returns, which has all that gateways need of the organisation. */
export interface FoundKeyRow extends KeyRow {
  organization_group_routes: GroupRoutes;
  organization_billing_terms: BillingTerms | null;
  organization_credit_raise_nano_usd: string | null;
  organization_credit_raise_until: Date | null;
}

/** One secret in the JSON of a row: its moments arrive as text. */
interface SecretRow {
  id: string;
  digests: string[];
  masked: string;
  form: SecretForm;
  created_at: string;
  ends_at: string | null;
  end_when_idle_seconds: number | null;
  ended_at: string | null;
  end_reason: SecretEndReason | null;
}

/**
 * Selects keys with their secrets, their groups, and what gateways need of their organisation. The caller appends its
 * conditions, in which `k` is the key. A column that is added here belongs into `keys.keys_by_digests` too.
 * Indexes: organization_pk, api_key_secret_by_key, group_key_by_key.
 */
export const SELECT_KEY = `
  SELECT k.id, k.position, k.organization_id, k.name, k.description, k.scopes, k.expires_at, k.credit_limit_nano_usd,
         k.requests_per_minute, k.tokens_per_minute, k.parallel_requests, k.models, k.allowed_ips,
         k.created_at, k.version, k.revoked_at, k.revoke_reason, k.deleted_at,
         k.kind, k.type, k.public_key, k.project_id, k.member_id, k.disabled_at, k.credit_reset, k.credit_generation, k.browser_use,
         k.rotate_every_days, k.credit_raise_nano_usd, k.credit_raise_until, s.secrets, g.group_ids,
         o.credit_limit_nano_usd AS organization_credit_limit_nano_usd, o.version AS organization_version,
         o.deleted_at AS organization_deleted_at, o.credit_generation AS organization_credit_generation,
         k.subscription
  FROM keys.api_key k
  JOIN keys.organization o ON o.id = k.organization_id
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', one.id, 'digests', one.digests, 'masked', one.masked, 'form', one.form,
        'created_at', one.created_at, 'ends_at', one.ends_at, 'end_when_idle_seconds', one.end_when_idle_seconds,
        'ended_at', one.ended_at, 'end_reason', one.end_reason) ORDER BY one.created_at, one.id) AS secrets
    FROM (
      SELECT coalesce(secret_id, api_key_id) AS id, array_agg(encode(digest, 'hex') ORDER BY digest) AS digests, min(masked) AS masked,
        min(form) AS form, min(created_at) AS created_at, min(ends_at) AS ends_at, min(end_when_idle_seconds) AS end_when_idle_seconds,
        min(ended_at) AS ended_at, min(end_reason) AS end_reason
      FROM keys.api_key_secret WHERE api_key_id = k.id GROUP BY 1
    ) one
  ) s
  CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(gk.group_id ORDER BY gk.group_id), '{}') AS group_ids
    FROM keys.group_key gk
    JOIN keys.key_group kg ON kg.organization_id = gk.organization_id AND kg.id = gk.group_id AND kg.deleted_at IS NULL
    WHERE gk.organization_id = k.organization_id AND gk.api_key_id = k.id
  ) g`;

/** The key in a row. */
export function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    description: row.description,
    maskedKey: row.secrets.at(-1)?.masked ?? '',
    kind: row.kind,
    publicKey: row.public_key,
    projectId: row.project_id,
    memberId: row.member_id,
    subscription: row.subscription,
    secrets: row.secrets.map(secretOf),
    scopes: row.scopes,
    expiresAt: row.expires_at,
    creditLimitNanoUsd: ownLimitOf(row),
    creditReset: row.credit_reset,
    creditGeneration: row.credit_generation,
    creditRaise: creditRaiseOf(row),
    organizationCreditLimitNanoUsd: organizationLimitOf(row),
    rateLimits: {
      requestsPerMinute: row.requests_per_minute,
      tokensPerMinute: row.tokens_per_minute,
      parallelRequests: row.parallel_requests,
    },
    models: row.models,
    allowedIps: row.allowed_ips,
    browserUse: row.browser_use,
    groupIds: row.group_ids,
    rotateEveryDays: row.rotate_every_days,
    createdAt: row.created_at,
    version: row.version,
    revocation:
      row.revoked_at === null || row.revoke_reason === null ? null : { reason: row.revoke_reason, at: row.revoked_at },
    disabledAt: row.disabled_at,
    deletedAt: row.deleted_at,
  };
}

function secretOf(row: SecretRow): KeySecret {
  return {
    id: row.id,
    digests: row.digests,
    maskedKey: row.masked,
    form: row.form,
    createdAt: new Date(row.created_at),
    endsAt: row.ends_at === null ? null : new Date(row.ends_at),
    endWhenIdleSeconds: row.end_when_idle_seconds,
    end:
      row.ended_at === null || row.end_reason === null ? null : { reason: row.end_reason, at: new Date(row.ended_at) },
  };
}

/** The fields of the key's organisation that a gateway needs, in a row of `keys.keys_by_digests`. */
export function organizationOf(row: FoundKeyRow): OrganizationState {
  return {
    id: row.organization_id,
    version: row.organization_version,
    creditLimitNanoUsd: organizationLimitOf(row),
    creditGeneration: row.organization_credit_generation,
    creditRaise: creditRaiseOf({
      credit_raise_nano_usd: row.organization_credit_raise_nano_usd,
      credit_raise_until: row.organization_credit_raise_until,
    }),
    billing: row.organization_billing_terms ?? {},
    groupRoutes: row.organization_group_routes,
    deletedAt: row.organization_deleted_at,
  };
}

const organizationLimitOf = ({ organization_credit_limit_nano_usd: limit }: KeyRow): bigint | null =>
  limit === null ? null : BigInt(limit);

/** The limit of 0 of a subscription's key stands there for the release before, which knows no subscriptions. */
const ownLimitOf = ({ subscription, credit_limit_nano_usd: limit }: KeyRow): bigint | null =>
  subscription !== null || limit === null ? null : BigInt(limit);

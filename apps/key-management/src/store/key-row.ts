import type { RevokeReason, Scope } from '@tollgate/api-key';
import type { ApiKey } from '../keys/api-key/api-key.js';
import type { OrganizationState } from '../organizations/organization.js';

/** A row that `SELECT_KEY` returns, with the types that the driver gives: `bigint` arrives as text. */
export interface KeyRow {
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
  digests: string[];
  masked_key: string;
}

/**
 * Selects keys with their organisation's cap and the digests of their secrets. The caller appends its conditions, in
 * which `k` is the key.
 * Indexes: organization_pk, api_key_secret_by_key.
 */
export const SELECT_KEY = `
  SELECT k.id, k.position, k.organization_id, k.name, k.description, k.scopes, k.expires_at, k.credit_limit_nano_usd,
         k.requests_per_minute, k.tokens_per_minute, k.parallel_requests, k.models, k.allowed_ips,
         k.created_at, k.version, k.revoked_at, k.revoke_reason, k.deleted_at, s.digests, s.masked_key,
         o.credit_limit_nano_usd AS organization_credit_limit_nano_usd, o.version AS organization_version,
         o.deleted_at AS organization_deleted_at
  FROM keys.api_key k
  JOIN keys.organization o ON o.id = k.organization_id
  CROSS JOIN LATERAL (
    SELECT array_agg(encode(digest, 'hex') ORDER BY created_at, digest) AS digests,
           (array_agg(masked ORDER BY created_at DESC, digest))[1] AS masked_key
    FROM keys.api_key_secret WHERE api_key_id = k.id
  ) s`;

/** The key in a row. */
export function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    description: row.description,
    maskedKey: row.masked_key,
    digests: row.digests,
    scopes: row.scopes,
    expiresAt: row.expires_at,
    creditLimitNanoUsd: row.credit_limit_nano_usd === null ? null : BigInt(row.credit_limit_nano_usd),
    organizationCreditLimitNanoUsd: organizationLimitOf(row),
    rateLimits: {
      requestsPerMinute: row.requests_per_minute,
      tokensPerMinute: row.tokens_per_minute,
      parallelRequests: row.parallel_requests,
    },
    models: row.models,
    allowedIps: row.allowed_ips,
    createdAt: row.created_at,
    version: row.version,
    revocation:
      row.revoked_at === null || row.revoke_reason === null ? null : { reason: row.revoke_reason, at: row.revoked_at },
    deletedAt: row.deleted_at,
  };
}

/** The fields of the key's organisation that a gateway needs, read by the same statement as the key. */
export function organizationOf(row: KeyRow): OrganizationState {
  return {
    id: row.organization_id,
    version: row.organization_version,
    creditLimitNanoUsd: organizationLimitOf(row),
    deletedAt: row.organization_deleted_at,
  };
}

const organizationLimitOf = ({ organization_credit_limit_nano_usd: limit }: KeyRow): bigint | null =>
  limit === null ? null : BigInt(limit);

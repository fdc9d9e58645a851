import { lookUpFunctionSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** The columns are those of `SELECT_KEY`, in its order. Indexes: api_key_secret_pk, api_key_pk. */
const KEYS_BY_DIGESTS = lookUpFunctionSql({
  schema: 'keys',
  signature: 'api_keys_by_digests(asked text[])',
  returns: `TABLE (id uuid, "position" bigint, organization_id text, name text, description text, scopes text[], expires_at timestamptz,
    credit_limit_nano_usd bigint, requests_per_minute integer, tokens_per_minute integer, parallel_requests integer, models text[],
    allowed_ips text[], created_at timestamptz, version integer, revoked_at timestamptz, revoke_reason text, deleted_at timestamptz,
    digests text[], masked_key text, organization_credit_limit_nano_usd bigint, organization_version integer,
    organization_deleted_at timestamptz)`,
  body: `SELECT k.id, k.position, k.organization_id, k.name, k.description, k.scopes, k.expires_at, k.credit_limit_nano_usd,
      k.requests_per_minute, k.tokens_per_minute, k.parallel_requests, k.models, k.allowed_ips,
      k.created_at, k.version, k.revoked_at, k.revoke_reason, k.deleted_at, s.digests, s.masked_key,
      o.credit_limit_nano_usd, o.version, o.deleted_at
    FROM keys.api_key AS k
    JOIN keys.organization AS o ON o.id = k.organization_id
    CROSS JOIN LATERAL (
      SELECT array_agg(encode(digest, 'hex') ORDER BY created_at, digest) AS digests,
             (array_agg(masked ORDER BY created_at DESC, digest))[1] AS masked_key
      FROM keys.api_key_secret WHERE api_key_id = k.id
    ) AS s
    WHERE k.id IN (
      SELECT api_key_id FROM keys.api_key_secret WHERE digest IN (SELECT decode(d, 'hex') FROM unnest(asked) AS given (d)))`,
});

/** Whose a secret is, asked before the organisation is known: by gateways and by reports of leaks. */
export class KeyLookUp1796860800000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of KEYS_BY_DIGESTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION keys.api_keys_by_digests(text[])');
  }
}

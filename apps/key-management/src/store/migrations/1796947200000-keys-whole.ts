import { lookUpFunctionSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * `type` follows from the other columns: a key that opens no inference, or that has the scope `admin`, is an admin key.
 * `writer` is the version that this release, or a later one, has written last: `keys.key_of_former_release` reads it.
 */
const KEY = [
  `ALTER TABLE keys.api_key
     DROP CONSTRAINT api_key_scopes_some,
     ADD COLUMN kind text NOT NULL DEFAULT 'router' CONSTRAINT api_key_kind_known CHECK (kind IN ('router', 'project', 'subscription')),
     ADD COLUMN public_key text,
     ADD COLUMN project_id uuid,
     ADD COLUMN disabled_at timestamptz,
     ADD COLUMN credit_reset text NOT NULL DEFAULT 'never'
       CONSTRAINT api_key_credit_reset_known CHECK (credit_reset IN ('never', 'daily', 'weekly', 'monthly')),
     ADD COLUMN credit_generation integer NOT NULL DEFAULT 0 CONSTRAINT api_key_credit_generation_not_negative CHECK (credit_generation >= 0),
     ADD COLUMN browser_use text NOT NULL DEFAULT 'allowed'
       CONSTRAINT api_key_browser_use_known CHECK (browser_use IN ('allowed', 'refused')),
     ADD COLUMN rotate_every_days integer CONSTRAINT api_key_rotate_every_days_bounds CHECK (rotate_every_days BETWEEN 1 AND 3650),
     ADD COLUMN writer integer,
     ADD CONSTRAINT api_key_public_key_unique UNIQUE (organization_id, public_key),
     ADD CONSTRAINT api_key_project_fk FOREIGN KEY (organization_id, project_id) REFERENCES keys.project (organization_id, id),
     ADD CONSTRAINT api_key_of_project_is_a_pair CHECK ((kind = 'project') = (public_key IS NOT NULL) AND (kind <> 'project' OR project_id IS NOT NULL)),
     ADD CONSTRAINT api_key_scopes_some CHECK (cardinality(scopes) > 0 OR kind = 'project'),
     ADD COLUMN type text NOT NULL GENERATED ALWAYS AS (CASE
       WHEN kind <> 'router' THEN kind
       WHEN 'admin' = ANY(scopes) OR NOT scopes && ARRAY['inference:read', 'inference:write'] THEN 'admin'
       ELSE 'router' END) STORED`,
  `CREATE INDEX api_key_by_project ON keys.api_key (organization_id, project_id) WHERE project_id IS NOT NULL`,
];

/**
 * A key can have several secrets, of which all but the newest end. The first secret of a key has the key's own id, so
 * that rows of before need no other. `form` says what the digest was made of: the secret, or the SHA-256 of one that
 * was imported, of which nobody here knows the text.
 */
const SECRET = [
  `ALTER TABLE keys.api_key_secret
     ADD COLUMN secret_id uuid,
     ADD COLUMN form text NOT NULL DEFAULT 'native'
       CONSTRAINT api_key_secret_form_known CHECK (form IN ('native', 'sha256', 'sha256_without_prefix')),
     ADD COLUMN ends_at timestamptz,
     ADD COLUMN end_when_idle_seconds integer
       CONSTRAINT api_key_secret_idle_bounds CHECK (end_when_idle_seconds BETWEEN 60 AND 604800),
     ADD COLUMN ended_at timestamptz,
     ADD COLUMN end_reason text CONSTRAINT api_key_secret_end_reason_known CHECK (end_reason IN ('grace', 'finished', 'idle', 'leaked')),
     ADD CONSTRAINT api_key_secret_ended_for_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))`,
  `CREATE INDEX api_key_secret_ending ON keys.api_key_secret (ends_at) WHERE ends_at IS NOT NULL AND ended_at IS NULL`,
  `GRANT UPDATE ON keys.api_key_secret TO tollgate_keys`,
];

/** A group that is no more keeps its row, hidden: however many keys it has, its end is one row and one record. */
const GROUPS = [
  `CREATE TABLE keys.key_group (
    organization_id text NOT NULL CONSTRAINT key_group_organization_fk REFERENCES keys.organization (id),
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT key_group_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    description text CONSTRAINT key_group_description_length CHECK (char_length(description) BETWEEN 1 AND 500),
    routes text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    version integer NOT NULL CONSTRAINT key_group_version_positive CHECK (version > 0),
    deleted_at timestamptz,
    CONSTRAINT key_group_pk PRIMARY KEY (organization_id, id)
  )`,
  `CREATE UNIQUE INDEX key_group_name_unique ON keys.key_group (organization_id, name) WHERE deleted_at IS NULL`,
  `CREATE INDEX key_group_newest ON keys.key_group (organization_id, created_at DESC, id DESC) WHERE deleted_at IS NULL`,
  `CREATE TABLE keys.group_key (
    organization_id text NOT NULL,
    group_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    CONSTRAINT group_key_pk PRIMARY KEY (organization_id, group_id, api_key_id),
    CONSTRAINT group_key_group_fk FOREIGN KEY (organization_id, group_id) REFERENCES keys.key_group (organization_id, id),
    CONSTRAINT group_key_api_key_fk FOREIGN KEY (organization_id, api_key_id) REFERENCES keys.api_key (organization_id, id)
  )`,
  `CREATE INDEX group_key_by_key ON keys.group_key (organization_id, api_key_id, group_id)`,
  ...tenantTableSql({ schema: 'keys', table: 'key_group', service: 'SELECT, INSERT, UPDATE' }),
  ...tenantTableSql({ schema: 'keys', table: 'group_key', service: 'SELECT, INSERT, DELETE' }),
];

/**
 * Since when an organisation's limit counts what the ledger has; whether its keys may be renamed; and the routes of its
 * groups by their ids, a copy of what stands in the groups: gateways get it in the organisation's one record.
 */
const ORGANIZATION = [
  `ALTER TABLE keys.organization
     ADD COLUMN credit_generation integer NOT NULL DEFAULT 0 CONSTRAINT organization_credit_generation_not_negative CHECK (credit_generation >= 0),
     ADD COLUMN key_names_immutable boolean NOT NULL DEFAULT false,
     ADD COLUMN group_routes jsonb NOT NULL DEFAULT '{}'
       CONSTRAINT organization_group_routes_small CHECK (octet_length(group_routes::text) <= 131072)`,
];

/**
 * The release before writes snapshots without what it does not know: it would revive a key that is disabled, or a
 * secret that has ended. So it may end such a key and do nothing else to it. The next release drops this.
 */
const FORMER_RELEASE = [
  `CREATE FUNCTION keys.key_of_former_release() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      RAISE EXCEPTION 'this key has settings of a later release: only a process of that release can change it';
    END $$`,
  `CREATE TRIGGER key_of_former_release BEFORE UPDATE ON keys.api_key FOR EACH ROW
    WHEN (NEW.version <> OLD.version AND NEW.writer IS DISTINCT FROM NEW.version AND NEW.revoked_at IS NULL
      AND (OLD.kind <> 'router' OR OLD.disabled_at IS NOT NULL OR OLD.credit_reset <> 'never' OR OLD.credit_generation > 0
        OR OLD.browser_use <> 'allowed' OR OLD.writer IS NOT NULL))
    EXECUTE FUNCTION keys.key_of_former_release()`,
];

/** What the release before asks: a key that it would read wrongly is told as revoked, or without any credit. */
const FORMER_LOOK_UP = [
  `CREATE OR REPLACE FUNCTION keys.api_keys_by_digests(asked text[])
     RETURNS TABLE (id uuid, "position" bigint, organization_id text, name text, description text, scopes text[], expires_at timestamptz,
       credit_limit_nano_usd bigint, requests_per_minute integer, tokens_per_minute integer, parallel_requests integer, models text[],
       allowed_ips text[], created_at timestamptz, version integer, revoked_at timestamptz, revoke_reason text, deleted_at timestamptz,
       digests text[], masked_key text, organization_credit_limit_nano_usd bigint, organization_version integer,
       organization_deleted_at timestamptz)
     LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $look_up$
     SELECT k.id, k.position, k.organization_id, k.name, k.description, k.scopes, k.expires_at,
       CASE WHEN k.credit_limit_nano_usd IS NULL THEN NULL WHEN k.credit_reset <> 'never' OR k.credit_generation > 0 THEN 0 ELSE k.credit_limit_nano_usd END,
       k.requests_per_minute, k.tokens_per_minute, k.parallel_requests, k.models, k.allowed_ips, k.created_at, k.version,
       CASE WHEN k.kind = 'project' OR k.browser_use <> 'allowed' THEN coalesce(k.revoked_at, k.disabled_at, k.created_at) ELSE coalesce(k.revoked_at, k.disabled_at) END,
       coalesce(k.revoke_reason, CASE WHEN k.kind = 'project' OR k.browser_use <> 'allowed' OR k.disabled_at IS NOT NULL THEN 'revoked' END),
       k.deleted_at, s.digests, s.masked_key, o.credit_limit_nano_usd, o.version, o.deleted_at
     FROM keys.api_key AS k
     JOIN keys.organization AS o ON o.id = k.organization_id
     CROSS JOIN LATERAL (
       SELECT array_agg(encode(digest, 'hex') ORDER BY created_at, digest) AS digests,
              (array_agg(masked ORDER BY created_at DESC, digest))[1] AS masked_key
       FROM keys.api_key_secret WHERE api_key_id = k.id AND ended_at IS NULL AND ends_at IS NULL
     ) AS s
     WHERE k.id IN (
       SELECT api_key_id FROM keys.api_key_secret
       WHERE ended_at IS NULL AND ends_at IS NULL AND digest IN (SELECT decode(d, 'hex') FROM unnest(asked) AS given (d))) $look_up$`,
];

/**
 * The columns are those of `SELECT_KEY`, in its order, and the routes of the organisation's groups.
 * Indexes: api_key_secret_pk, api_key_pk, group_key_by_key.
 */
const KEYS_BY_DIGESTS = lookUpFunctionSql({
  schema: 'keys',
  signature: 'keys_by_digests(asked text[])',
  returns: `TABLE (id uuid, "position" bigint, organization_id text, name text, description text, scopes text[], expires_at timestamptz,
    credit_limit_nano_usd bigint, requests_per_minute integer, tokens_per_minute integer, parallel_requests integer, models text[],
    allowed_ips text[], created_at timestamptz, version integer, revoked_at timestamptz, revoke_reason text, deleted_at timestamptz,
    kind text, type text, public_key text, project_id uuid, disabled_at timestamptz, credit_reset text, credit_generation integer,
    browser_use text, rotate_every_days integer, secrets jsonb, group_ids uuid[],
    organization_credit_limit_nano_usd bigint, organization_version integer, organization_deleted_at timestamptz,
    organization_credit_generation integer, organization_group_routes jsonb)`,
  body: `SELECT k.id, k.position, k.organization_id, k.name, k.description, k.scopes, k.expires_at, k.credit_limit_nano_usd,
      k.requests_per_minute, k.tokens_per_minute, k.parallel_requests, k.models, k.allowed_ips,
      k.created_at, k.version, k.revoked_at, k.revoke_reason, k.deleted_at,
      k.kind, k.type, k.public_key, k.project_id, k.disabled_at, k.credit_reset, k.credit_generation, k.browser_use,
      k.rotate_every_days, s.secrets, g.group_ids,
      o.credit_limit_nano_usd, o.version, o.deleted_at, o.credit_generation, o.group_routes
    FROM keys.api_key AS k
    JOIN keys.organization AS o ON o.id = k.organization_id
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('id', one.id, 'digests', one.digests, 'masked', one.masked, 'form', one.form,
          'created_at', one.created_at, 'ends_at', one.ends_at, 'end_when_idle_seconds', one.end_when_idle_seconds,
          'ended_at', one.ended_at, 'end_reason', one.end_reason) ORDER BY one.created_at, one.id) AS secrets
      FROM (
        SELECT coalesce(secret_id, api_key_id) AS id, array_agg(encode(digest, 'hex') ORDER BY digest) AS digests, min(masked) AS masked,
          min(form) AS form, min(created_at) AS created_at, min(ends_at) AS ends_at, min(end_when_idle_seconds) AS end_when_idle_seconds,
          min(ended_at) AS ended_at, min(end_reason) AS end_reason
        FROM keys.api_key_secret WHERE api_key_id = k.id GROUP BY 1
      ) AS one
    ) AS s
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(gk.group_id ORDER BY gk.group_id), '{}') AS group_ids
      FROM keys.group_key AS gk JOIN keys.key_group AS kg ON kg.organization_id = gk.organization_id AND kg.id = gk.group_id AND kg.deleted_at IS NULL
      WHERE gk.organization_id = k.organization_id AND gk.api_key_id = k.id
    ) AS g
    WHERE k.id IN (
      SELECT api_key_id FROM keys.api_key_secret WHERE digest IN (SELECT decode(d, 'hex') FROM unnest(asked) AS given (d)))`,
});

/** All that a key can be since release 0.3: kinds, several secrets, groups, cycles of its limit, disabled. */
export class KeysWhole1796947200000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const all = [
      ...KEY,
      ...SECRET,
      ...GROUPS,
      ...ORGANIZATION,
      ...FORMER_RELEASE,
      ...FORMER_LOOK_UP,
      ...KEYS_BY_DIGESTS,
    ];
    for (const statement of all) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('keys that use these columns cannot do without them: restore the database from before');
  }
}

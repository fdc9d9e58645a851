import { outboxTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const TABLES = [
  `CREATE TABLE keys.organization (
    id text CONSTRAINT organization_pk PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `INSERT INTO keys.organization (id, name) VALUES ('default', 'Default organisation')`,
  `CREATE TABLE keys.member (
    id uuid CONSTRAINT member_pk PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id text NOT NULL CONSTRAINT member_organization_fk REFERENCES keys.organization (id),
    email text NOT NULL,
    role text NOT NULL CONSTRAINT member_role_known CHECK (role IN ('owner')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT member_email_unique UNIQUE (organization_id, email)
  )`,
  // `position` gives the order of lists, newest first.
  `CREATE TABLE keys.api_key (
    id uuid CONSTRAINT api_key_pk PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT api_key_position_unique UNIQUE,
    organization_id text NOT NULL CONSTRAINT api_key_organization_fk REFERENCES keys.organization (id),
    name text NOT NULL CONSTRAINT api_key_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    description text,
    scopes text[] NOT NULL CONSTRAINT api_key_scopes_some CHECK (cardinality(scopes) > 0),
    expires_at timestamptz,
    credit_limit_nano_usd bigint CONSTRAINT api_key_credit_limit_bounds CHECK (credit_limit_nano_usd BETWEEN 0 AND 9000000000000000),
    requests_per_minute integer CONSTRAINT api_key_requests_positive CHECK (requests_per_minute > 0),
    tokens_per_minute integer CONSTRAINT api_key_tokens_positive CHECK (tokens_per_minute > 0),
    parallel_requests integer CONSTRAINT api_key_parallel_positive CHECK (parallel_requests > 0),
    models text[] CONSTRAINT api_key_models_some CHECK (cardinality(models) > 0),
    allowed_ips text[] CONSTRAINT api_key_allowed_ips_some CHECK (cardinality(allowed_ips) > 0),
    created_at timestamptz NOT NULL,
    version integer NOT NULL CONSTRAINT api_key_version_positive CHECK (version > 0),
    revoked_at timestamptz,
    revoke_reason text CONSTRAINT api_key_revoke_reason_known CHECK (revoke_reason IN ('revoked', 'deleted', 'leaked')),
    deleted_at timestamptz,
    CONSTRAINT api_key_revoked_for_a_reason CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL)),
    CONSTRAINT api_key_deleted_is_revoked CHECK (deleted_at IS NULL OR revoked_at IS NOT NULL)
  )`,
  `CREATE INDEX api_key_listed ON keys.api_key (organization_id, position DESC) WHERE deleted_at IS NULL`,
  `CREATE TABLE keys.api_key_secret (
    digest bytea CONSTRAINT api_key_secret_pk PRIMARY KEY CONSTRAINT api_key_secret_digest_length CHECK (octet_length(digest) = 32),
    api_key_id uuid NOT NULL CONSTRAINT api_key_secret_api_key_fk REFERENCES keys.api_key (id),
    pepper_id text NOT NULL,
    masked text NOT NULL,
    created_at timestamptz NOT NULL
  )`,
  `CREATE INDEX api_key_secret_by_key ON keys.api_key_secret (api_key_id)`,
];

/** A trigger keeps the audit trail append-only for every database user. */
const AUDIT = [
  `CREATE TABLE keys.audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_event_pk PRIMARY KEY,
    organization_id text NOT NULL CONSTRAINT audit_event_organization_fk REFERENCES keys.organization (id),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target_type text NOT NULL,
    target_id text NOT NULL,
    details jsonb NOT NULL,
    from_address text
  )`,
  `CREATE INDEX audit_event_by_target ON keys.audit_event (target_type, target_id, id)`,
  `CREATE FUNCTION keys.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'keys.% is append-only', TG_TABLE_NAME;
    END $$`,
  `CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON keys.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION keys.refuse_change()`,
];

export class Keys1795190400000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...AUDIT, ...outboxTableSql('keys')]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('the first migration of keys is not undone: drop the schema instead');
  }
}

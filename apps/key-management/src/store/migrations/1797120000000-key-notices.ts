import { rolesOf, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Since when a key has its expiry; null for the one that it was made with. Notices that should have been sent before
 * are not sent. A trigger sets it, whoever moves the expiry.
 */
const EXPIRY = [
  'ALTER TABLE keys.api_key ADD COLUMN expires_set_at timestamptz',
  `CREATE FUNCTION keys.api_key_expiry_moved() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      NEW.expires_set_at := now();
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER api_key_expiry_moved BEFORE UPDATE ON keys.api_key FOR EACH ROW
    WHEN (NEW.expires_at IS DISTINCT FROM OLD.expires_at) EXECUTE FUNCTION keys.api_key_expiry_moved()`,
  'CREATE INDEX api_key_expiring ON keys.api_key (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL',
  'CREATE INDEX api_key_to_rotate ON keys.api_key (id) WHERE rotate_every_days IS NOT NULL AND revoked_at IS NULL',
];

/** What owners were told of: each row is one notice, and is written with the mail that tells it. */
const NOTICE = [
  `CREATE TABLE keys.key_notice (
    organization_id text NOT NULL,
    api_key_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT key_notice_kind_known CHECK (kind IN ('expiry', 'rotation')),
    due_at timestamptz NOT NULL,
    days_before integer NOT NULL CONSTRAINT key_notice_days_before_known CHECK (days_before IN (14, 3, 1, 0)),
    claimed_at timestamptz NOT NULL,
    CONSTRAINT key_notice_pk PRIMARY KEY (organization_id, api_key_id, kind, due_at, days_before),
    CONSTRAINT key_notice_api_key_fk FOREIGN KEY (organization_id, api_key_id) REFERENCES keys.api_key (organization_id, id)
  )`,
  ...tenantTableSql({ schema: 'keys', table: 'key_notice', service: 'SELECT, INSERT', allTenants: 'SELECT' }),
];

/** What is looked for in all organisations: keys whose owners are to be told, and secrets whose time is over. */
const RIGHTS = [
  `GRANT SELECT (organization_id, created_at, expires_set_at, disabled_at, rotate_every_days) ON keys.api_key TO ${rolesOf('keys').allTenants}`,
  `GRANT SELECT (organization_id, secret_id, created_at, ends_at, ended_at, end_when_idle_seconds) ON keys.api_key_secret
     TO ${rolesOf('keys').allTenants}`,
];

/** Mails about keys that expire and secrets that are to be rotated, once each. */
export class KeyNotices1797120000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...EXPIRY, ...NOTICE, ...RIGHTS]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.key_notice');
    await runner.query('DROP TRIGGER api_key_expiry_moved ON keys.api_key');
    await runner.query('DROP FUNCTION keys.api_key_expiry_moved()');
    await runner.query('DROP INDEX keys.api_key_expiring, keys.api_key_to_rotate');
    await runner.query('ALTER TABLE keys.api_key DROP COLUMN expires_set_at');
  }
}

import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Lists go by the time of creation and the id: a cursor of these two tells a tenant nothing of others. The release
 * before lists by `position` and goes on using its own index.
 */
const LISTS = [
  `CREATE INDEX api_key_newest ON keys.api_key (organization_id, created_at DESC, id DESC) WHERE deleted_at IS NULL`,
  `CREATE INDEX organization_newest ON keys.organization (created_at DESC, id DESC)`,
];

/**
 * Answers that are given again. `scope` is a digest of who asked for what under which Idempotency-Key; `answer` is
 * sealed, since it can hold a secret, and null only inside the transaction that makes it.
 */
const ANSWERS = [
  `CREATE TABLE keys.idempotency_record (
    organization_id text NOT NULL,
    scope bytea NOT NULL CONSTRAINT idempotency_record_scope_length CHECK (octet_length(scope) = 32),
    fingerprint bytea NOT NULL CONSTRAINT idempotency_record_fingerprint_length CHECK (octet_length(fingerprint) = 32),
    created_at timestamptz NOT NULL,
    answer text,
    CONSTRAINT idempotency_record_pk PRIMARY KEY (organization_id, scope)
  )`,
  `CREATE INDEX idempotency_record_by_age ON keys.idempotency_record (created_at)`,
  ...tenantTableSql({
    schema: 'keys',
    table: 'idempotency_record',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT, UPDATE, DELETE',
  }),
];

export class Contract1796774400000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...LISTS, ...ANSWERS]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.idempotency_record');
    await runner.query('DROP INDEX keys.api_key_newest');
    await runner.query('DROP INDEX keys.organization_newest');
  }
}

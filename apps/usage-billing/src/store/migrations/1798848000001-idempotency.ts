import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * The answers of requests with an `Idempotency-Key`, for 24 hours. `scope` is a digest of caller, method, path and key,
 * `fingerprint` one of query and body. The answer is sealed, since it can hold a secret, and null only inside the
 * transaction that makes it.
 */
const ANSWERS = [
  `CREATE TABLE billing.idempotency_record (
    organization_id text NOT NULL,
    scope bytea NOT NULL CONSTRAINT idempotency_record_scope_length CHECK (octet_length(scope) = 32),
    fingerprint bytea NOT NULL CONSTRAINT idempotency_record_fingerprint_length CHECK (octet_length(fingerprint) = 32),
    created_at timestamptz NOT NULL,
    answer text,
    CONSTRAINT idempotency_record_pk PRIMARY KEY (organization_id, scope)
  )`,
  'CREATE INDEX idempotency_record_by_age ON billing.idempotency_record (created_at)',
  ...tenantTableSql({
    schema: 'billing',
    table: 'idempotency_record',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT, UPDATE, DELETE',
  }),
];

/** Answers that are given again. */
export class Idempotency1798848000001 implements Migration {
  name = 'Idempotency1798848000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of ANSWERS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.idempotency_record');
  }
}

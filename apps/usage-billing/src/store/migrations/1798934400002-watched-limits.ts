import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // Limits that were changed, of keys, organisations and pay-as-you-go, as they were told of last: what is used may be
  // more of them now, and once a raise has ended. look_at is when that is looked at next; a limit of which there is
  // nothing more to see has no row. anchor is that of a subscription, from which its cycles are counted.
  `CREATE TABLE billing.watched_limit (
    organization_id text NOT NULL,
    limit_id text NOT NULL,
    version bigint NOT NULL,
    cap_nano_usd bigint,
    credit_reset text NOT NULL CONSTRAINT watched_limit_reset_known
      CHECK (credit_reset IN ('never', 'daily', 'weekly', 'monthly', 'subscription')),
    anchor timestamptz,
    raise_nano_usd bigint,
    raise_until timestamptz,
    noted_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    CONSTRAINT watched_limit_pk PRIMARY KEY (organization_id, limit_id),
    CONSTRAINT watched_limit_raise_whole CHECK ((raise_nano_usd IS NULL) = (raise_until IS NULL)),
    CONSTRAINT watched_limit_anchored CHECK ((credit_reset = 'subscription') = (anchor IS NOT NULL))
  )`,
  'CREATE INDEX watched_limit_due ON billing.watched_limit (look_at)',
  ...tenantTableSql({
    schema: 'billing',
    table: 'watched_limit',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
];

/** Limits that were changed are looked at without waiting for a call. */
export class WatchedLimits1798934400002 implements Migration {
  name = 'WatchedLimits1798934400002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.watched_limit');
  }
}

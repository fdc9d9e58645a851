import { commonTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // Before when usage by minute, and by quarter-hour and hour, was deleted: where an operator keeps it for longer from
  // some day on, what was deleted until then is not there all the same.
  `CREATE TABLE billing.usage_deleted (
    unit text CONSTRAINT usage_deleted_pk PRIMARY KEY CONSTRAINT usage_deleted_unit_known CHECK (unit IN ('minute', 'hour')),
    before timestamptz NOT NULL
  )`,
  // The release before deleted by these days, without a word.
  `INSERT INTO billing.usage_deleted (unit, before)
   VALUES ('minute', now() - interval '14 days'), ('hour', now() - interval '400 days')`,
  ...commonTableSql({ schema: 'billing', table: 'usage_deleted', allTenants: 'SELECT, INSERT, UPDATE' }),
];

/** What usage was deleted is known. */
export class UsageDeleted1798934400003 implements Migration {
  name = 'UsageDeleted1798934400003';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.usage_deleted');
  }
}

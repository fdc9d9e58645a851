import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * What lapsed in the month of a statement stands beside its content, like its other sums: it is compared for all months
 * at once. The content has it as a text, and none for an organisation without prepaid credit.
 */
const ADD = `ALTER TABLE billing.statement ADD COLUMN expired_nano_usd numeric
  GENERATED ALWAYS AS (coalesce((content #>> '{credit,expiredNanoUsd}')::numeric, 0)) STORED`;

/** What has expired of an organisation is read for each of its statements. */
const INDEX = `CREATE INDEX grant_of_organization_by_expiry ON billing.grant (organization_id, expires_at)
  WHERE expires_at IS NOT NULL`;

const DOWN = [
  'DROP INDEX billing.grant_of_organization_by_expiry',
  'ALTER TABLE billing.statement DROP COLUMN expired_nano_usd',
];

/** Statements whose month has another sum of lapsed credit by now are found. */
export class LapsedCreditOfStatements1798934400001 implements Migration {
  name = 'LapsedCreditOfStatements1798934400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [ADD, INDEX]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

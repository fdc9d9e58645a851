import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Adds an index by which an epoch is opened without reading the accounts of all cycles that have ended. */
export class AccountsInForce1797120000001 implements Migration {
  name = 'AccountsInForce1797120000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX account_in_force ON billing.account (organization_id, coalesce(cycle_ends_at, 'infinity'))
       WHERE ceiling_nano_usd IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX billing.account_in_force');
  }
}

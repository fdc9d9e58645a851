import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Adds an index by organisation; without it, totals over all keys of one organisation read the rows of all. */
export class UsageByOrganization1796169600001 implements Migration {
  name = 'UsageByOrganization1796169600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX key_usage_by_organization ON billing.key_usage (organization_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX billing.key_usage_by_organization');
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Adds a credit limit over all keys of an organisation; null is unlimited. Its bounds are those of a key's limit. */
export class OrganizationCreditLimit1795276800000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE keys.organization ADD COLUMN credit_limit_nano_usd bigint
         CONSTRAINT organization_credit_limit_bounds CHECK (credit_limit_nano_usd BETWEEN 0 AND 9000000000000000)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.organization DROP COLUMN credit_limit_nano_usd');
  }
}

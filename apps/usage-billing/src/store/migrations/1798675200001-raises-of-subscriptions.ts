import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** A raise of the limit of pay-as-you-go, which ends by itself. */
export class RaisesOfSubscriptions1798675200001 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE billing.subscription ADD COLUMN payg_raise_nano_usd bigint CHECK (payg_raise_nano_usd >= 0),
         ADD COLUMN payg_raise_until timestamptz,
         ADD CONSTRAINT subscription_raise_whole CHECK ((payg_raise_nano_usd IS NULL) = (payg_raise_until IS NULL))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE billing.subscription DROP COLUMN payg_raise_nano_usd, DROP COLUMN payg_raise_until',
    );
  }
}

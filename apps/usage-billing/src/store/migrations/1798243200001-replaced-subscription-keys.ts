import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** The id of the key that takes the place of a subscription's own, from before it is made until it is there. */
export class ReplacedSubscriptionKeys1798243200001 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.subscription ADD COLUMN next_api_key_id uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.subscription DROP COLUMN next_api_key_id');
  }
}

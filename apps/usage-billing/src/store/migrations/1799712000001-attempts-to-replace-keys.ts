import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Until when a request may be making the key that takes the place of a subscription's own. It is null where none is
 * made, and where a process of the release before makes one.
 */
export class AttemptsToReplaceKeys1799712000001 implements Migration {
  name = 'AttemptsToReplaceKeys1799712000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.subscription ADD COLUMN next_api_key_until timestamptz');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.subscription DROP COLUMN next_api_key_until');
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Events have what is charged at most before the hold bounds it: the cost with its mark-up. A charge may now be above
 * the cost. Events without a mark-up, and those of the release before, leave the column empty.
 */
export class MarkUp1797292800001 implements Migration {
  name = 'MarkUp1797292800001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.usage_event ADD COLUMN billable_nano_usd bigint');
    await runner.query('ALTER TABLE billing.usage_event_facts ADD COLUMN billable_nano_usd bigint');
    await runner.query(
      `ALTER TABLE billing.usage_event DROP CONSTRAINT usage_event_charge_bounds,
         ADD CONSTRAINT usage_event_charge_bounds
           CHECK (charge_nano_usd BETWEEN 0 AND coalesce(billable_nano_usd, cost_nano_usd)) NOT VALID`,
    );
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('charges with a mark-up would be above the cost'));
  }
}

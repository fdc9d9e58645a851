import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * When a gateway said last that it is there to ship the journal of this process; null where none did. The release
 * before leaves it alone: it resolves the holds of a process that is gone at once.
 */
export class ClaimedJournals1799798400001 implements Migration {
  name = 'ClaimedJournals1799798400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.gateway_instance ADD COLUMN claimed_at timestamptz');
    await runner.query(
      'CREATE INDEX gateway_instance_by_journal ON billing.gateway_instance (journal_id, registered_at)',
    );
    await runner.query(
      'CREATE INDEX gateway_instance_unresolved ON billing.gateway_instance (journal_id, registered_at) WHERE resolved_at IS NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX billing.gateway_instance_unresolved');
    await runner.query('DROP INDEX billing.gateway_instance_by_journal');
    await runner.query('ALTER TABLE billing.gateway_instance DROP COLUMN claimed_at');
  }
}

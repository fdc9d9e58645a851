import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** A bus record can hold several events, so a quarantined one also needs its position within the record. */
export class QuarantineParts1795449600001 implements Migration {
  name = 'QuarantineParts1795449600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE billing.quarantine
         ADD COLUMN log_part integer NOT NULL DEFAULT 0,
         DROP CONSTRAINT quarantine_once,
         ADD CONSTRAINT quarantine_once UNIQUE (topic, partition, log_offset, log_part)`,
    );
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('two parts of one record cannot be told apart without their places'));
  }
}

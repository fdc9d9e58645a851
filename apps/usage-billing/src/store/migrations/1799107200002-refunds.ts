import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // When whom a subscription is for was deleted or removed: what was charged for a cycle from then on does not stand.
  'ALTER TABLE billing.subscription ADD COLUMN owner_ended_at timestamptz',
  // When an organisation was deleted; requested_at is when that was heard of.
  'ALTER TABLE billing.organization_end ADD COLUMN ended_at timestamptz',
  // With refunds of fees.
  'DROP INDEX billing.transfer_of_credit',
  `CREATE INDEX transfer_of_credit ON billing.transfer (organization_id, created_at)
     WHERE kind IN ('grant', 'expire', 'fee', 'refund')`,
];

/** A fee is given back if its cycle began after the end of an organisation, or of a membership. */
export class Refunds1799107200002 implements Migration {
  name = 'Refunds1799107200002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('cycles that were undone would be charged again'));
  }
}

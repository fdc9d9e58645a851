import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { furtherLookUpColumnsSql } from './further-look-up-columns.js';

/**
 * What a subscription says of its key, with its version. The release before reads the limit of 0 that stands beside a
 * subscription, and refuses its key.
 */
export class SubscriptionKeys1797811200000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const all = [
      `ALTER TABLE keys.api_key
         ADD COLUMN subscription jsonb,
         ADD CONSTRAINT api_key_subscription_of_kind CHECK (subscription IS NULL OR kind = 'subscription')`,
      furtherLookUpColumnsSql([{ column: 'subscription jsonb', from: 'k.subscription' }]),
    ];
    for (const statement of all) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('keys of subscriptions would spend without a limit: restore the database from before');
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * The person behind the member whom a subscription is for: somebody who was removed and is invited again is another
 * member, and the same person. Of subscriptions that the release before makes it is not known. Index: subscription_pk.
 */
export class PersonsOfSubscriptions1798730000001 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.subscription ADD COLUMN person_id uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.subscription DROP COLUMN person_id');
  }
}

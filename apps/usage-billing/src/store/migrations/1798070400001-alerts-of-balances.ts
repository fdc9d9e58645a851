import { rolesOf, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const STATEMENTS = [
  // Of an alert by a refusal: the most that the call could have cost, and what was left.
  'ALTER TABLE billing.alert ADD COLUMN asked_nano_usd bigint, ADD COLUMN left_nano_usd bigint',
  // What the organisation had with its last grant: 100 % of its balance. Null until it is given one from now on.
  'ALTER TABLE billing.organization_terms ADD COLUMN balance_base_nano_usd bigint',
  'CREATE INDEX grant_by_expiry ON billing.grant (expires_at) WHERE expires_at IS NOT NULL',
  // A new grant arms the alerts of the balance again, in the transaction that gives it.
  `GRANT UPDATE (armed_again_at) ON billing.alert TO ${rolesOf('billing').service}`,
];

/** Alerts about the prepaid balance of an organisation, and about calls that were refused for want of credit. */
export class AlertsOfBalances1798070400001 implements Migration {
  name = 'AlertsOfBalances1798070400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('alerts that were told are not forgotten by a migration'));
  }
}

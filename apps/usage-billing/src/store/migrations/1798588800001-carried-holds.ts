import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Calls under way that hold credit on one account of a limit and count on another one of it, because the limit began to
 * reset in another way meanwhile. A row goes once its call is booked. gone_since is since when admission has no hold of
 * the call, although it is not booked.
 */
const UP = [
  `CREATE TABLE billing.carried_hold (
    organization_id text NOT NULL,
    request_id uuid NOT NULL,
    account_id text NOT NULL,
    api_key_id text NOT NULL,
    amount_nano_usd bigint NOT NULL CONSTRAINT carried_hold_amount_not_negative CHECK (amount_nano_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    gone_since timestamptz,
    CONSTRAINT carried_hold_pk PRIMARY KEY (organization_id, account_id, request_id)
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'carried_hold',
    service: 'SELECT, UPDATE (gone_since), DELETE',
    allTenants: 'SELECT, INSERT',
  }),
];

/** A limit that resets in another way counts the calls that are under way. The release before does not. */
export class CarriedHolds1798588800001 implements Migration {
  name = 'CarriedHolds1798588800001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.carried_hold');
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * The end of a subscription is told of, so one that was cancelled for the end of its cycle is due then. What gateways
 * refuse follows from the clock, as before.
 */
const DUE_AT_THEIR_END = `
  DO $$
  BEGIN
    PERFORM set_config('tollgate.as_owner', 'on', true);
    UPDATE billing.subscription SET due_at = ends_at WHERE due_at IS NULL AND made_at IS NOT NULL AND ends_at > now();
    PERFORM set_config('tollgate.as_owner', '', true);
  END $$`;

const STATEMENTS = [
  DUE_AT_THEIR_END,
  // Limits that were changed, and raises that have ended, are looked at: what is used may be more of them now.
  'ALTER TABLE billing.budget ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now()',
  'CREATE INDEX budget_by_change ON billing.budget (changed_at)',
  'CREATE INDEX budget_by_end_of_raise ON billing.budget (raise_until) WHERE raise_until IS NOT NULL',
];

/** What happens by the clock alone is found: the ends of subscriptions, and of raises of budgets. */
export class WhatEnds1798070400002 implements Migration {
  name = 'WhatEnds1798070400002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was told is not forgotten by a migration'));
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Subscriptions that may have other terms in their next cycle are looked at once more, so that their keys are told
 * ahead what is charged in it. Not at once: a process of the release before, which runs on for a while, would do it,
 * and tells of quotas alone.
 */
const LOOK_AT_THOSE_THAT_CHANGE = `
  DO $$
  BEGIN
    PERFORM set_config('tollgate.as_owner', 'on', true);
    UPDATE billing.subscription SET due_at = now() + interval '5 minutes'
      WHERE made_at IS NOT NULL AND due_at > now() + interval '5 minutes'
        AND (next_plan_id IS NOT NULL OR plan_id IN (SELECT id FROM billing.plan WHERE version > 1));
    PERFORM set_config('tollgate.as_owner', '', true);
  END $$`;

/** Keys know ahead what is charged beside the quota in the next cycle of their subscription. */
export class TermsToldAhead1799625600001 implements Migration {
  name = 'TermsToldAhead1799625600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LOOK_AT_THOSE_THAT_CHANGE);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was told is not forgotten by a migration'));
  }
}

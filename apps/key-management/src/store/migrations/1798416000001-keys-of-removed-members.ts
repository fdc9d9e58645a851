import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * A member's subscriptions end with the membership. Those of members who were removed before this was so go on and
 * renew themselves, until usage-billing is told to end them.
 */
export class KeysOfRemovedMembers1798416000001 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX api_key_subscribed_member ON keys.api_key (member_id) WHERE kind = 'subscription'`,
    );
    // Indexes: api_key_subscribed_member, member_pk.
    await runner.query(
      `INSERT INTO keys.outbox (effect, key, payload)
       SELECT DISTINCT 'end-subscriptions', k.organization_id,
         jsonb_build_object('organizationId', k.organization_id, 'memberId', k.member_id,
           'endedAt', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text
       FROM keys.api_key AS k
       WHERE k.kind = 'subscription' AND k.member_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM keys.member AS m WHERE m.organization_id = k.organization_id AND m.id = k.member_id)`,
    );
  }

  async down(): Promise<void> {
    throw new Error(
      'subscriptions of members who are gone would renew themselves again: restore the database from before',
    );
  }
}

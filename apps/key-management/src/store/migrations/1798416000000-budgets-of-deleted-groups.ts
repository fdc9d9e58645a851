import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * A budget ends with its group or project. Those of groups and projects that were deleted before this was so go on
 * refusing the calls of their former keys, until usage-billing is told to end them.
 */
export class BudgetsOfDeletedGroups1798416000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    // Indexes: key_group_pk, project_pk.
    await runner.query(
      `INSERT INTO keys.outbox (effect, key, payload)
       SELECT 'end-budget', o.id,
         jsonb_build_object('organizationId', o.id, 'kind', b ->> 'kind', 'ownerId', b ->> 'ownerId')::text
       FROM keys.organization AS o, jsonb_array_elements(o.billing_terms -> 'budgets') AS b
       WHERE o.deleted_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM keys.key_group AS g
           WHERE g.organization_id = o.id AND g.id::text = b ->> 'ownerId' AND g.deleted_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM keys.project AS p WHERE p.organization_id = o.id AND p.id::text = b ->> 'ownerId')`,
    );
  }

  async down(): Promise<void> {
    throw new Error('budgets of groups that are no more would refuse calls again: restore the database from before');
  }
}

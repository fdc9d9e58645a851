import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { furtherLookUpColumnsSql } from './further-look-up-columns.js';

/**
 * The member whose key it is, for reports by member: the one who made it. It stays when the member is removed, so that
 * what the key spends from then on is found under the same id. Of keys that the release before makes it is not known.
 */
export class MembersOfKeys1797768000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.api_key ADD COLUMN member_id uuid');
    // Index: member_by_person.
    await runner.query(
      `UPDATE keys.api_key AS k SET member_id = m.id FROM keys.member AS m
       WHERE k.created_by_kind = 'person' AND m.person_id = k.created_by_id AND m.organization_id = k.organization_id`,
    );
    await runner.query(furtherLookUpColumnsSql([{ column: 'member_id uuid', from: 'k.member_id' }]));
  }

  async down(): Promise<void> {
    throw new Error('usage could no longer be told by member: restore the database from before');
  }
}

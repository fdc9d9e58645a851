import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * A deleted key is hidden, and keeps its project from being deleted no longer: it loses the project when that goes. The
 * audit trail still says which one it was.
 */
export class ProjectsOfDeletedKeys1797552000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE keys.api_key
         DROP CONSTRAINT api_key_of_project_is_a_pair,
         ADD CONSTRAINT api_key_of_project_is_a_pair
           CHECK ((kind = 'project') = (public_key IS NOT NULL) AND (kind <> 'project' OR project_id IS NOT NULL OR deleted_at IS NOT NULL))`,
    );
  }

  async down(): Promise<void> {
    throw new Error('keys of projects that were deleted would break the constraint: restore the database from before');
  }
}

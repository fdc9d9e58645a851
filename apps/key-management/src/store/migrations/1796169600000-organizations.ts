import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Prepares for more than one organisation: `position` gives the order of the list, and `version` orders the snapshots
 * of an organisation. The previous release neither reads nor writes these columns.
 */
export class Organizations1796169600000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE keys.organization
         ADD COLUMN version integer NOT NULL DEFAULT 1 CONSTRAINT organization_version_positive CHECK (version > 0),
         ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT organization_position_unique UNIQUE,
         ADD CONSTRAINT organization_name_length CHECK (char_length(name) BETWEEN 1 AND 100)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE keys.organization
         DROP COLUMN version, DROP COLUMN position, DROP CONSTRAINT organization_name_length`,
    );
  }
}

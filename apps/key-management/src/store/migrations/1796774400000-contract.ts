import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * Lists go by the time of creation and the id: a cursor of these two tells a tenant nothing of others. The release
 * before lists by `position` and goes on using its own index.
 */
const LISTS = [
  `CREATE INDEX api_key_newest ON keys.api_key (organization_id, created_at DESC, id DESC) WHERE deleted_at IS NULL`,
  `CREATE INDEX organization_newest ON keys.organization (created_at DESC, id DESC)`,
];

export class Contract1796774400000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of LISTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX keys.api_key_newest');
    await runner.query('DROP INDEX keys.organization_newest');
  }
}

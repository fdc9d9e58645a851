import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * The ids of entries that other services have told of: a message that comes again makes no second entry, however late.
 * So they are kept as long as the entries themselves. `organization_id` refers to no table, as in `keys.audit_entry`.
 */
export class AuditReceived1798156800000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE keys.audit_received (
        organization_id text NOT NULL,
        entry_id uuid NOT NULL,
        CONSTRAINT audit_received_pk PRIMARY KEY (organization_id, entry_id)
      )`,
    );
    for (const statement of tenantTableSql({
      schema: 'keys',
      table: 'audit_received',
      service: 'SELECT, INSERT',
    }))
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.audit_received');
  }
}

import {
  commonTableSql,
  formerReleaseSql,
  outboxTenantSql,
  schemaRightsSql,
  tenantTableSql,
  type Migration,
  type TenantTable,
} from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const former = (table: string): string[] => [
  `CREATE FUNCTION scanning.${table}_of_former_release() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      SELECT organization_id INTO NEW.organization_id FROM scanning.leak WHERE api_key_id = NEW.api_key_id;
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER ${table}_of_former_release BEFORE INSERT OR UPDATE ON scanning.${table}
    FOR EACH ROW WHEN (NEW.organization_id IS NULL AND NEW.api_key_id IS NOT NULL)
    EXECUTE FUNCTION scanning.${table}_of_former_release()`,
];

/** A finding belongs to an organisation once it is known whose key was seen. */
const ORGANIZATIONS = [
  'ALTER TABLE scanning.leak ADD CONSTRAINT leak_of_organization_unique UNIQUE (organization_id, api_key_id)',
  ...['finding', 'leak_mail'].flatMap((table) => [
    `ALTER TABLE scanning.${table} ADD COLUMN organization_id text`,
    `UPDATE scanning.${table} AS t SET organization_id = l.organization_id FROM scanning.leak AS l WHERE l.api_key_id = t.api_key_id`,
    `ALTER TABLE scanning.${table}
       DROP CONSTRAINT ${table}_leak_fk,
       ADD CONSTRAINT ${table}_leak_fk FOREIGN KEY (organization_id, api_key_id) REFERENCES scanning.leak (organization_id, api_key_id)`,
    ...former(table),
  ]),
  `ALTER TABLE scanning.finding
     ADD CONSTRAINT finding_of_organization CHECK ((api_key_id IS NULL) = (organization_id IS NULL))`,
  'ALTER TABLE scanning.leak_mail ALTER COLUMN organization_id SET NOT NULL',
];

const TABLES: readonly TenantTable[] = [
  { schema: 'scanning', table: 'leak', service: 'SELECT', allTenants: 'SELECT, INSERT' },
  { schema: 'scanning', table: 'finding', service: 'SELECT', allTenants: 'SELECT, INSERT, UPDATE, DELETE' },
  { schema: 'scanning', table: 'leak_mail', allTenants: 'SELECT, INSERT, UPDATE' },
];

/** Policies and rights on the tables of the first release. Its processes go on seeing all, until they are replaced. */
export class Tenancy1796342400002 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const tables = TABLES.flatMap((table) => [...tenantTableSql(table), formerReleaseSql('scanning', table.table)]);
    const migrations = commonTableSql({ schema: 'scanning', table: 'migration', service: 'SELECT' });
    for (const statement of [
      ...schemaRightsSql('scanning'),
      ...ORGANIZATIONS,
      ...tables,
      ...outboxTenantSql('scanning'),
      ...migrations,
    ])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('the tables of organisations are not opened to each other again');
  }
}

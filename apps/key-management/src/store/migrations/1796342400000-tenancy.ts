import {
  commonTableSql,
  formerReleaseSql,
  outboxTenantSql,
  tenantTableSql,
  type Migration,
  type TenantTable,
} from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** A foreign key does not know policies: it names the organisation, so that no secret belongs to another one's key. */
const SECRETS = [
  'ALTER TABLE keys.api_key ADD CONSTRAINT api_key_of_organization_unique UNIQUE (organization_id, id)',
  'ALTER TABLE keys.api_key_secret ADD COLUMN organization_id text',
  `UPDATE keys.api_key_secret AS s SET organization_id = k.organization_id FROM keys.api_key AS k WHERE k.id = s.api_key_id`,
  `ALTER TABLE keys.api_key_secret
     ALTER COLUMN organization_id SET NOT NULL,
     DROP CONSTRAINT api_key_secret_api_key_fk,
     ADD CONSTRAINT api_key_secret_api_key_fk FOREIGN KEY (organization_id, api_key_id) REFERENCES keys.api_key (organization_id, id)`,
  `CREATE FUNCTION keys.api_key_secret_of_former_release() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      SELECT organization_id INTO NEW.organization_id FROM keys.api_key WHERE id = NEW.api_key_id;
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER api_key_secret_of_former_release BEFORE INSERT ON keys.api_key_secret
    FOR EACH ROW WHEN (NEW.organization_id IS NULL) EXECUTE FUNCTION keys.api_key_secret_of_former_release()`,
];

const TABLES: readonly TenantTable[] = [
  { schema: 'keys', table: 'organization', column: 'id', service: 'SELECT, INSERT, UPDATE', allTenants: 'SELECT' },
  { schema: 'keys', table: 'member', service: 'SELECT, INSERT, UPDATE, DELETE', allTenants: 'SELECT' },
  {
    schema: 'keys',
    table: 'api_key',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT (id, revoked_at, expires_at)',
  },
  { schema: 'keys', table: 'api_key_secret', service: 'SELECT, INSERT', allTenants: 'SELECT (api_key_id, pepper_id)' },
  { schema: 'keys', table: 'audit_event', allTenants: 'SELECT' },
];

/** Policies and rights on the tables of the first release. Its processes go on seeing all, until they are replaced. */
export class Tenancy1796342400000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const tables = TABLES.flatMap((table) => [...tenantTableSql(table), formerReleaseSql('keys', table.table)]);
    const migrations = commonTableSql({ schema: 'keys', table: 'migration', service: 'SELECT' });
    for (const statement of [...SECRETS, ...tables, ...outboxTenantSql('keys'), ...migrations])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('the tables of organisations are not opened to each other again');
  }
}

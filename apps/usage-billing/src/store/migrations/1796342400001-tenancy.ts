import {
  commonTableSql,
  formerReleaseSql,
  rolesOf,
  schemaRightsSql,
  tenantTableSql,
  type Migration,
  type TenantTable,
} from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** `platform` takes losses that no customer pays, so its transfers belong to no organisation. */
const TRANSFERS = [
  'ALTER TABLE billing.transfer ADD COLUMN organization_id text',
  'ALTER TABLE billing.transfer DISABLE TRIGGER transfer_append_only',
  `UPDATE billing.transfer AS t SET organization_id = a.organization_id FROM billing.account AS a WHERE a.account_id = t.account_id`,
  `UPDATE billing.transfer AS t SET organization_id = e.organization_id FROM billing.usage_event AS e
   WHERE e.request_id = t.request_id AND t.organization_id IS NULL AND t.account_id <> 'platform'`,
  'ALTER TABLE billing.transfer ENABLE TRIGGER transfer_append_only',
  `CREATE FUNCTION billing.transfer_of_former_release() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      NEW.organization_id := coalesce(
        (SELECT organization_id FROM billing.usage_event WHERE request_id = NEW.request_id),
        (SELECT organization_id FROM billing.account WHERE account_id = NEW.account_id));
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER transfer_of_former_release BEFORE INSERT ON billing.transfer
    FOR EACH ROW WHEN (NEW.organization_id IS NULL AND NEW.account_id <> 'platform')
    EXECUTE FUNCTION billing.transfer_of_former_release()`,
];

const BOOKED = 'SELECT, INSERT, UPDATE';
const TABLES: readonly TenantTable[] = [
  { schema: 'billing', table: 'usage_event', service: 'SELECT', allTenants: 'SELECT, INSERT' },
  { schema: 'billing', table: 'transfer', service: 'SELECT, INSERT', allTenants: 'SELECT, INSERT' },
  { schema: 'billing', table: 'key_usage', service: 'SELECT', allTenants: BOOKED },
  { schema: 'billing', table: 'account', service: 'SELECT', allTenants: BOOKED },
  { schema: 'billing', table: 'journal_progress', service: 'SELECT', allTenants: BOOKED },
  { schema: 'billing', table: 'credit_epoch', service: 'SELECT, INSERT, UPDATE', allTenants: 'SELECT' },
];

const COMMON = [
  { schema: 'billing', table: 'consumer_offset', allTenants: BOOKED },
  { schema: 'billing', table: 'quarantine', allTenants: 'SELECT, INSERT' },
  { schema: 'billing', table: 'gateway_instance', service: 'SELECT', allTenants: BOOKED },
  { schema: 'billing', table: 'migration', service: 'SELECT' },
] as const;

const { service, allTenants } = rolesOf('billing');

/**
 * Policies do not bind who opens a partition by its name, so the roles of the service have no rights on partitions.
 * Those of the release before, which checks them at its start, keep theirs.
 */
const MONTHS = [
  `CREATE OR REPLACE FUNCTION billing.copy_grants(source regclass, target regclass) RETURNS void LANGUAGE plpgsql
     SET search_path = pg_catalog, pg_temp AS $$
     DECLARE given record;
     BEGIN
       FOR given IN
         SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS grantable
         FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
         WHERE c.oid = source AND a.grantee <> c.relowner
           AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) NOT IN ('${service}', '${allTenants}'))
       LOOP
         EXECUTE format('GRANT %s ON %s TO %s%s', given.privilege_type, target, given.grantee, given.grantable);
       END LOOP;
     END $$`,
  ...[
    'copy_grants(regclass, regclass)',
    'make_usage_event_month(date)',
    'usage_event_months_due(integer)',
    'usage_events_without_month(integer)',
  ].map((name) => `REVOKE ALL ON FUNCTION billing.${name} FROM PUBLIC`),
  ...['make_usage_event_month(date)', 'usage_event_months_due(integer)', 'usage_events_without_month(integer)'].map(
    (name) => `GRANT EXECUTE ON FUNCTION billing.${name} TO ${allTenants}`,
  ),
  // Who had rights on the table, without owning it, may go on calling the functions.
  `DO $$
    DECLARE former text;
    BEGIN
      SELECT string_agg(DISTINCT quote_ident(r.rolname), ', ') INTO former
      FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee
      WHERE c.oid = 'billing.usage_event'::regclass AND r.rolname NOT IN ('${service}', '${allTenants}');
      IF former IS NOT NULL THEN
        EXECUTE 'GRANT EXECUTE ON FUNCTION billing.make_usage_event_month(date), billing.usage_event_months_due(integer),
          billing.usage_events_without_month(integer) TO ' || former;
      END IF;
    END $$`,
];

/** Policies and rights on the tables of the first release. Its processes go on seeing all, until they are replaced. */
export class Tenancy1796342400001 implements Migration {
  name = 'Tenancy1796342400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const tables = TABLES.flatMap((table) => [...tenantTableSql(table), formerReleaseSql('billing', table.table)]);
    const common = COMMON.flatMap((table) => commonTableSql(table));
    for (const statement of [...schemaRightsSql('billing'), ...TRANSFERS, ...tables, ...common, ...MONTHS])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('the tables of organisations are not opened to each other again'));
  }
}

import { TENANT_SETTING } from './service-database.js';
import { rolesOf, type ServiceSchema } from './service-roles.js';

/** A table and what a service's roles may do with it, such as `SELECT, INSERT`. */
export interface TableRights {
  readonly schema: ServiceSchema;
  readonly table: string;
  /** Rights of the service's role, on the rows of one organisation. */
  readonly service: string;
  /** Rights of the role that spans organisations; none if left out. */
  readonly allTenants?: string;
}

/** The organisation of the transaction. Written as a subquery, it is read once for a statement and not for each row. */
const TENANT = `(SELECT nullif(current_setting('${TENANT_SETTING}', true), ''))`;

/**
 * DDL for a migration that makes a table with `organization_id` a table of tenants: policies that bind its owner too, and
 * the rights of the service's roles. Constraints do not know policies: foreign keys between such tables must be
 * composite, `(organization_id, id)`, and unique names unique within an organisation.
 */
export function tenantTableSql({ schema, table, service, allTenants }: TableRights): string[] {
  const roles = rolesOf(schema);
  return [
    `ALTER TABLE ${schema}.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE ${schema}.${table} FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY ${table}_of_tenant ON ${schema}.${table} TO ${roles.service}
       USING (organization_id = ${TENANT}) WITH CHECK (organization_id = ${TENANT})`,
    `CREATE POLICY ${table}_of_all_tenants ON ${schema}.${table} TO ${roles.allTenants} USING (true) WITH CHECK (true)`,
    `GRANT ${service} ON ${schema}.${table} TO ${roles.service}`,
    ...(allTenants === undefined ? [] : [`GRANT ${allTenants} ON ${schema}.${table} TO ${roles.allTenants}`]),
  ];
}

/** DDL for a migration: the rights on a table that belongs to no organisation, such as people. */
export function commonTableSql({ schema, table, service, allTenants }: TableRights): string[] {
  const roles = rolesOf(schema);
  return [
    `GRANT ${service} ON ${schema}.${table} TO ${roles.service}`,
    ...(allTenants === undefined ? [] : [`GRANT ${allTenants} ON ${schema}.${table} TO ${roles.allTenants}`]),
  ];
}

/** DDL for the first migration of a schema: its roles may use it. */
export function schemaRightsSql(schema: ServiceSchema): string[] {
  const { service, allTenants } = rolesOf(schema);
  return [`GRANT USAGE ON SCHEMA ${schema} TO ${service}, ${allTenants}`];
}

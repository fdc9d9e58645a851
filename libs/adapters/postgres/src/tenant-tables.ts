import { OWNER_SETTING, TENANT_SETTING } from './service-database.js';
import { rolesOf, type ServiceSchema } from './service-roles.js';

/** A table and what a service's roles may do with it, such as `SELECT, INSERT` or `SELECT (id), INSERT`. */
export interface TableRights {
  readonly schema: ServiceSchema;
  readonly table: string;
  /** Rights of the service's role, on the rows of one organisation; none if left out. */
  readonly service?: string;
  /** Rights of the role that spans organisations; none if left out. */
  readonly allTenants?: string;
}

/** A table whose rows belong to organisations. */
export interface TenantTable extends TableRights {
  /** The column with the organisation's id; by default `organization_id`. */
  readonly column?: string;
  /** Whether some rows belong to no organisation. A transaction that is about none sees these, and no others. */
  readonly someOfNone?: boolean;
}

/** The organisation of the transaction. Written as a subquery, it is read once for a statement and not for each row. */
const TENANT = `(SELECT nullif(current_setting('${TENANT_SETTING}', true), ''))`;
/**
 * The search path of look-up functions, by which the policies know them: a function of an owner that is no superuser
 * can bring no setting of ours with it.
 */
const LOOK_UP_PATH = 'pg_catalog, pg_temp';
const AS_OWNER = `(SELECT current_setting('${OWNER_SETTING}', true) = 'on' OR current_setting('search_path') = '${LOOK_UP_PATH}')`;
/** Policies do not filter what these two do, so nobody is granted them. */
const UNFILTERED = /\b(ALL|TRUNCATE|REFERENCES|TRIGGER)\b/i;

/**
 * DDL for a migration that makes a table with `organization_id` a table of tenants: policies that bind its owner too,
 * and the rights of the service's roles. Constraints do not know policies: foreign keys between such tables must be
 * composite, `(organization_id, id)`, and unique names unique within an organisation.
 */
export function tenantTableSql({
  column = 'organization_id',
  someOfNone = false,
  ...rights
}: TenantTable): readonly string[] {
  const { schema, table } = rights;
  const roles = rolesOf(schema);
  const own = `${column} ${someOfNone ? 'IS NOT DISTINCT FROM' : '='} ${TENANT}`;
  const policy = (name: string, role: string, rows: string): string =>
    `CREATE POLICY ${table}_of_${name} ON ${schema}.${table} TO ${role} USING (${rows}) WITH CHECK (${rows})`;
  return [
    `ALTER TABLE ${schema}.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE ${schema}.${table} FORCE ROW LEVEL SECURITY`,
    policy('tenant', roles.service, own),
    policy('all_tenants', roles.allTenants, 'true'),
    // Migrations move rows, and look-ups run before the organisation is known. Both run as the owner, and say so.
    policy('owner', 'CURRENT_USER', AS_OWNER),
    ...commonTableSql(rights),
  ];
}

/** DDL for a migration: the rights on a table that belongs to no organisation, such as people. */
export function commonTableSql({ schema, table, service, allTenants }: TableRights): readonly string[] {
  const roles = rolesOf(schema);
  return [[service, roles.service] as const, [allTenants, roles.allTenants] as const].flatMap(([rights, role]) => {
    if (rights === undefined) return [];
    if (UNFILTERED.test(rights)) throw new Error(`no role of a service may have ${rights} on ${schema}.${table}`);
    return [`GRANT ${rights} ON ${schema}.${table} TO ${role}`];
  });
}

/**
 * DDL for a migration that makes a table of an earlier release one of tenants: the processes of that release connect as
 * the owner of the table, or as a role that was granted rights on it, and must see all rows until they are replaced.
 * The next release drops the policy `<table>_of_former_release`.
 */
export function formerReleaseSql(schema: ServiceSchema, table: string): string {
  const { service, allTenants } = rolesOf(schema);
  return `DO $$
    DECLARE former text;
    BEGIN
      SELECT string_agg(DISTINCT quote_ident(r.rolname), ', ') INTO former
      FROM pg_class AS c LEFT JOIN LATERAL aclexplode(c.relacl) AS a ON true
      JOIN pg_roles AS r ON r.oid = c.relowner OR r.oid = a.grantee
      WHERE c.oid = '${schema}.${table}'::regclass AND r.rolname NOT IN ('${service}', '${allTenants}');
      EXECUTE 'CREATE POLICY ${table}_of_former_release ON ${schema}.${table} TO ' || former || ' USING (true) WITH CHECK (true)';
    END $$`;
}

/** DDL for the first migration of a schema: its roles may use it. */
export function schemaRightsSql(schema: ServiceSchema): readonly string[] {
  const { service, allTenants } = rolesOf(schema);
  return [`GRANT USAGE ON SCHEMA ${schema} TO ${service}, ${allTenants}`];
}

/** A question that is asked before the organisation is known, such as: whose is the key with this digest? */
export interface LookUpFunction {
  readonly schema: ServiceSchema;
  /** Its name with its arguments, which must name rows exactly, as a digest does: `session_by_digest(asked bytea)`. */
  readonly signature: string;
  /** What it gives, such as `TABLE (session_id uuid, person_id uuid)`. */
  readonly returns: string;
  /** A query that names every table with its schema. */
  readonly body: string;
}

/**
 * DDL for a migration: a function that finds rows of any organisation by an exact argument. It runs as its owner, so
 * the service's role needs no policy that shows it more.
 *
 * @example
 * lookUpFunctionSql({
 *   schema: 'keys',
 *   signature: 'session_by_digest(asked bytea)',
 *   returns: 'TABLE (id uuid, person_id uuid)',
 *   body: 'SELECT s.id, s.person_id FROM keys.session AS s WHERE s.digest = asked',
 * })
 */
export function lookUpFunctionSql({ schema, signature, returns, body }: LookUpFunction): readonly string[] {
  const { service } = rolesOf(schema);
  return [
    `CREATE FUNCTION ${schema}.${signature} RETURNS ${returns} LANGUAGE sql STABLE SECURITY DEFINER
       SET search_path = ${LOOK_UP_PATH} AS $look_up$ ${body} $look_up$`,
    `REVOKE ALL ON FUNCTION ${schema}.${signature} FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION ${schema}.${signature} TO ${service}`,
  ];
}

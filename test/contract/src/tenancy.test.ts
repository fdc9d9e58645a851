import { asRole, infraFromEnvironment, tempFolder } from '@tollgate/infra';
import { keyManagementSchema } from '@tollgate/key-management';
import {
  migrate,
  openDatabase,
  rolesOf,
  ServiceDatabase,
  startEmbeddedPostgres,
  TENANT_SETTING,
  type ServiceSchema,
} from '@tollgate/postgres';
import { secretScanningSchema } from '@tollgate/secret-scanning';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaksOf, seed, tenantTables, type AsTenant, type Query, type TenantTable } from './tenancy-check.js';

const SCHEMAS = ['keys', 'billing', 'scanning'] as const;
/** A domain can be proven for one organisation only: who is told so has set the domain's DNS record. */
const MEANT_FOR_ALL = ['keys.domain_proven_once'];
const options = { keys: keyManagementSchema, billing: usageBillingSchema, scanning: secretScanningSchema };

const queryOf =
  (client: Client): Query =>
  async (sql, parameters = []) => {
    const { rows, rowCount } = await client.query(sql, parameters);
    return { rows, count: rowCount ?? 0 };
  };

describe.each(SCHEMAS)('the role of the service that owns %s, on a Postgres server', (schema: ServiceSchema) => {
  const { service, allTenants } = rolesOf(schema);
  let url: string;
  let owner: Client;
  let role: Client;
  let tables: TenantTable[];
  let structure: Structure;
  beforeAll(async () => {
    url = await infraFromEnvironment().createDatabase();
    await migrate(url, options[schema], asRole(url, service));
    [owner, role] = [url, asRole(url, service)].map((connectionString) => new Client({ connectionString })) as [
      Client,
      Client,
    ];
    await Promise.all([owner.connect(), role.connect()]);
    const ask = queryOf(owner);
    structure = await structureOf(ask, schema);
    tables = await tenantTables(ask, schema);
    await seed(ask, tables);
  });
  afterAll(() => Promise.all([owner?.end(), role?.end()]));

  const asTenant: AsTenant = async (organizationId, work) => {
    await role.query('BEGIN');
    try {
      await role.query(`SELECT set_config('${TENANT_SETTING}', $1, true)`, [organizationId]);
      return await work(queryOf(role));
    } finally {
      await role.query('ROLLBACK');
    }
  };
  const leaks = async (as: AsTenant): Promise<string[]> => (await inTurn(tables, (table) => leaksOf(table, as))).flat();
  const refusal = (sql: string) =>
    role.query(sql).then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );

  it('reads, changes, deletes and writes rows of one organisation at a time, in every table', async () => {
    expect(tables.length).toBeGreaterThan(2);
    expect(await leaks(asTenant)).toEqual([]);
  });

  it('reads nothing before it has said of which organisation it is, on a new connection too', async () => {
    const fresh = new Client({ connectionString: asRole(url, service) });
    await fresh.connect();
    for (const { name, columns } of tables.filter((table) => table.columns.some(({ readable }) => readable))) {
      expect(columns.length).toBeGreaterThan(0);
      expect((await fresh.query(`SELECT count(*)::integer AS n FROM ${name}`)).rows, name).toEqual([{ n: 0 }]);
    }
    await fresh.end();
  });

  it.each([
    ['a policy is dropped', (table: string) => `DROP POLICY ${table.split('.')[1]}_of_tenant ON ${table}`],
    ['row-level security is off', (table: string) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`],
    ['a wide policy is added', (table: string) => `CREATE POLICY wide ON ${table} TO ${service} USING (true)`],
  ])('is found out where %s', async (_what, change) => {
    const table = tables.find(({ columns }) => columns.every(({ readable }) => readable))!;
    const within: AsTenant = async (organizationId, work) => {
      await owner.query('BEGIN');
      try {
        await owner.query(change(table.name));
        await owner.query(`SELECT set_config('role', $1, true), set_config('${TENANT_SETTING}', $2, true)`, [
          service,
          organizationId,
        ]);
        return await work(queryOf(owner));
      } finally {
        await owner.query('ROLLBACK');
      }
    };
    expect(await leaksOf(table, within)).not.toEqual([]);
    expect(await leaksOf(table, asTenant)).toEqual([]);
  });

  it('is bound by the policies of every table with an organisation, as the owner is', () => {
    expect(structure.unbound).toEqual([]);
    expect(structure.roles).toEqual([
      { name: service, login: true, super: false, bypass: false, makes: false, inherits: false },
      { name: allTenants, login: false, super: false, bypass: false, makes: false, inherits: true },
    ]);
    expect(structure.owned).toEqual([]);
  });

  it('has no right that policies do not filter, none on partitions, and no view or function that answers as another', () => {
    expect(structure.unfiltered).toEqual([]);
    expect(structure.partitionRights).toEqual([]);
    expect(structure.views).toEqual([]);
    expect(structure.openFunctions).toEqual([]);
  });

  it('cannot refer to a row of another organisation, nor be told of one by a unique name', () => {
    expect(structure.looseKeys).toEqual([]);
    expect(structure.tellingNames.filter((name) => !MEANT_FOR_ALL.includes(String(name)))).toEqual([]);
  });

  it.each([
    ...SCHEMAS.filter((other) => other !== schema).flatMap((other) => [
      `SET ROLE ${rolesOf(other).service}`,
      `SET ROLE ${rolesOf(other).allTenants}`,
    ]),
    'SET ROLE tollgate',
    'SET SESSION AUTHORIZATION tollgate',
    "SET session_replication_role = 'replica'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/hostname')",
    `CREATE TABLE ${schema}.mine (id integer)`,
    `CREATE FUNCTION ${schema}.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
    'CREATE SCHEMA mine',
    `DROP SCHEMA ${schema} CASCADE`,
    `ALTER ROLE ${service} BYPASSRLS`,
    `INSERT INTO ${schema}.migration ("timestamp", name) VALUES (1, 'mine')`,
  ])('is refused: %s', async (sql) => {
    expect(await refusal(sql)).toMatch(/^(42501|22023)$/);
  });

  it('cannot switch the policies off', async () => {
    const table = tables.find(({ columns }) => columns.every(({ readable }) => readable))!;
    expect(await refusal(`ALTER TABLE ${table.name} DISABLE ROW LEVEL SECURITY`)).toBe('42501');
    await role.query('SET row_security = off');
    expect(await refusal(`SELECT * FROM ${table.name}`)).toBe('42501');
    await role.query('RESET row_security');
    // What the owner says of itself is nothing to the service's role.
    await role.query("SET tollgate.as_owner = 'on'");
    expect((await role.query(`SELECT count(*)::integer AS n FROM ${table.name}`)).rows).toEqual([{ n: 0 }]);
    await role.query('RESET tollgate.as_owner');
  });
});

describe('the embedded Postgres, whose only user no policy binds', () => {
  it.each(SCHEMAS)('shows the service of %s rows of one organisation at a time, in every table', async (schema) => {
    const embedded = await startEmbeddedPostgres(tempFolder('tenancy'));
    await migrate(embedded.url, options[schema]);
    const { dataSource, close } = await openDatabase({ url: embedded.url, poolSize: 1, applicationName: 'contract' });
    try {
      const queryWith =
        (manager: { query<T>(sql: string, parameters?: unknown[]): Promise<T> }): Query =>
        async (sql, parameters = []) => {
          const result = await manager.query<Record<string, unknown>[] | [Record<string, unknown>[], number]>(
            sql,
            parameters,
          );
          const changed = /^(UPDATE|DELETE)/.test(sql);
          return changed
            ? { rows: [], count: result[1] as unknown as number }
            : { rows: result as Record<string, unknown>[], count: 0 };
        };
      const tables = await tenantTables(queryWith(dataSource), schema);
      await seed(queryWith(dataSource), tables);
      const service = new ServiceDatabase(dataSource, schema);
      const undone = Symbol('undone');
      const asTenant: AsTenant = async (organizationId, work) => {
        let result: Awaited<ReturnType<typeof work>>;
        const transaction = async (manager: Parameters<Parameters<ServiceDatabase['outsideOrganizations']>[0]>[0]) => {
          result = await work(queryWith(manager));
          throw undone;
        };
        await (
          organizationId === ''
            ? service.outsideOrganizations(transaction)
            : service.inOrganization(organizationId, transaction)
        ).catch((error: unknown) => {
          if (error !== undone) throw error;
        });
        return result!;
      };
      expect(tables.length).toBeGreaterThan(2);
      expect((await inTurn(tables, (table) => leaksOf(table, asTenant))).flat()).toEqual([]);
    } finally {
      await close();
      await embedded.close();
    }
  });
});

/** One after the other: the tables share a connection. */
async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** What the catalogue says against a schema; empty lists if all is well. */
interface Structure {
  /** Tables with `organization_id` whose policies do not bind everybody. */
  readonly unbound: unknown[];
  readonly roles: unknown[];
  /** What the roles of the service own. */
  readonly owned: unknown[];
  /** Rights that policies do not filter, on any table. */
  readonly unfiltered: unknown[];
  readonly partitionRights: unknown[];
  /** Views that answer as their owners. */
  readonly views: unknown[];
  /** Functions that run as their owners and that everybody may call, or that look up names where others put some. */
  readonly openFunctions: unknown[];
  /** Foreign keys between tables of organisations that do not name the organisation. */
  readonly looseKeys: unknown[];
  /** Unique texts that are not unique within an organisation, in tables that the service's role writes. */
  readonly tellingNames: unknown[];
}

async function structureOf(query: Query, schema: ServiceSchema): Promise<Structure> {
  const { service, allTenants } = rolesOf(schema);
  const list = async (sql: string, parameters: unknown[] = [schema]) =>
    (await query(sql, parameters)).rows.map((row) => (Object.keys(row).length === 1 ? Object.values(row)[0] : row));
  const TABLES = `pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1`;
  return {
    unbound: await list(
      `SELECT c.oid::regclass::text AS name FROM ${TABLES} WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
         AND (c.relname = 'organization' OR EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'organization_id'))`,
    ),
    roles: await list(
      `SELECT rolname AS name, rolcanlogin AS login, rolsuper AS super, rolbypassrls AS bypass,
              rolcreaterole OR rolcreatedb OR rolreplication AS makes, rolinherit AS inherits
       FROM pg_roles WHERE rolname IN ($1, $2) ORDER BY rolname`,
      [service, allTenants],
    ),
    owned: await list(
      `SELECT d.classid::regclass::text || ' ' || d.objid AS what FROM pg_shdepend AS d JOIN pg_roles AS r ON r.oid = d.refobjid
       WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND r.rolname IN ($1, $2)
         AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [service, allTenants],
    ),
    unfiltered: await list(
      `SELECT c.oid::regclass::text || ' ' || p.kind || ' ' || r.name AS what
       FROM ${TABLES}, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (kind), unnest(ARRAY['${service}', '${allTenants}']) AS r (name)
       WHERE c.relkind IN ('r', 'p') AND has_table_privilege(r.name, c.oid, p.kind)`,
    ),
    partitionRights: await list(
      `SELECT c.oid::regclass::text || ' ' || r.name AS what FROM ${TABLES}, unnest(ARRAY['${service}', '${allTenants}']) AS r (name)
       WHERE c.relispartition AND has_table_privilege(r.name, c.oid, 'SELECT, INSERT, UPDATE, DELETE')`,
    ),
    views: await list(
      `SELECT c.oid::regclass::text AS name FROM ${TABLES}
       WHERE c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)`,
    ),
    openFunctions: await list(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = $1
       WHERE p.prosecdef AND p.prorettype <> 'trigger'::regtype
         AND (p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)
              OR NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) AS set (text) WHERE set.text LIKE 'search_path=%'))`,
    ),
    looseKeys: await list(
      `SELECT k.conrelid::regclass::text || ' ' || k.conname AS name FROM pg_constraint AS k
       JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1
       JOIN pg_attribute AS own ON own.attrelid = k.conrelid AND own.attname = 'organization_id'
       JOIN pg_attribute AS far ON far.attrelid = k.confrelid AND far.attname = 'organization_id'
       WHERE k.contype = 'f' AND NOT EXISTS (
         SELECT 1 FROM unnest(k.conkey, k.confkey) AS pair (own_number, far_number)
         WHERE pair.own_number = own.attnum AND pair.far_number = far.attnum)`,
    ),
    tellingNames: await list(
      `SELECT i.indexrelid::regclass::text AS name FROM pg_index AS i
       JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1
       WHERE i.indisunique AND has_any_column_privilege('${service}', c.oid, 'INSERT')
         AND EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'organization_id')
         -- Ids and digests are made by chance: nobody meets another's but by knowing it.
         AND NOT EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                         AND (a.attname = 'organization_id' OR a.atttypid IN ('uuid'::regtype, 'bytea'::regtype) OR a.attidentity <> ''))`,
    ),
  };
}

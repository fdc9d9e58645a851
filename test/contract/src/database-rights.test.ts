import { randomBytes } from 'node:crypto';
import { asRole, infraFromEnvironment } from '@tollgate/infra';
import { keyManagementSchema } from '@tollgate/key-management';
import { migrate, prepareDatabase, rolesOf, type ServiceSchema } from '@tollgate/postgres';
import { secretScanningSchema } from '@tollgate/secret-scanning';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { Client, type ClientConfig } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCHEMAS = ['keys', 'billing', 'scanning'] as const;
const schemas = { keys: keyManagementSchema, billing: usageBillingSchema, scanning: secretScanningSchema };
/** No superuser, as managed databases give it: it owns the database, and may make roles. */
const OWNER = `owner_${randomBytes(4).toString('hex')}`;
const INSUFFICIENT = '42501';
/** The tables of each schema that only grow. */
const ONLY_GROW: Record<ServiceSchema, readonly string[]> = {
  keys: ['audit_entry', 'audit_event'],
  billing: [
    'balance_correction',
    'plan_version',
    'statement',
    'subscription_charge',
    'transfer',
    'usage_event',
    'usage_event_facts',
  ],
  scanning: [],
};

let url: string;
let admin: Client;
const logins = new Map<ServiceSchema, Client>();
beforeAll(async () => {
  url = await infraFromEnvironment().createDatabase();
  admin = new Client({ connectionString: url });
  await admin.connect();
  await admin.query(`CREATE ROLE ${OWNER} LOGIN CREATEROLE PASSWORD 'of the owner'`);
  await admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO ${OWNER}`);
  // Roles belong to the server, and others of these tests may have made them first.
  for (const schema of SCHEMAS) {
    await migrate(ownerUrl(), schemas[schema], asRole(url, rolesOf(schema).service));
    const login = new Client({ connectionString: asRole(url, rolesOf(schema).service) });
    await login.connect();
    logins.set(schema, login);
  }
});
afterAll(async () => {
  for (const login of logins.values()) await login.end();
  await admin?.query(`REASSIGN OWNED BY ${OWNER} TO CURRENT_USER; DROP OWNED BY ${OWNER}; DROP ROLE ${OWNER}`);
  await admin?.end();
});

function ownerUrl(): string {
  const owner = new URL(url);
  [owner.username, owner.password] = [OWNER, 'of the owner'];
  return owner.href;
}

const fail = (line: string): void => {
  throw new Error(line);
};

/** The code with which a statement is refused to a service, by itself and as its role for all tenants. */
async function refusals(schema: ServiceSchema, sql: string): Promise<string[]> {
  const login = logins.get(schema)!;
  const codes: string[] = [];
  for (const role of Object.values(rolesOf(schema))) {
    await login.query('BEGIN');
    await login.query(`SET LOCAL ROLE ${role}`);
    codes.push(
      await login.query(sql).then(
        () => 'done',
        (error: { code?: string }) => error.code ?? String(error),
      ),
    );
    await login.query('ROLLBACK');
  }
  return codes;
}

interface Table {
  readonly name: string;
  readonly schema: ServiceSchema;
  readonly isPartition: boolean;
  readonly isPartitioned: boolean;
  /** A trigger of the table; the one that refuses changes, if it has that. */
  readonly trigger: string | null;
  /** The first of its columns that may be given a value. */
  readonly column: string;
}

const tables = async (): Promise<Table[]> =>
  (
    await admin.query<Table>(
      `SELECT c.oid::regclass::text AS name, n.nspname AS schema, c.relispartition AS "isPartition",
              c.relkind = 'p' AS "isPartitioned",
              (SELECT tgname FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
               ORDER BY tgname LIKE '%append_only' DESC, tgname LIMIT 1) AS trigger,
              (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                 AND attidentity = '' AND attgenerated = '' ORDER BY attnum LIMIT 1) AS column
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') ORDER BY 1`,
      [[...SCHEMAS]],
    )
  ).rows;

describe('migrations of a role that is no superuser', () => {
  it('make everything, and own it: no service owns anything', async () => {
    // Functions of extensions are apart: PostgreSQL gives them to the superuser that made the server.
    const { rows } = await admin.query(
      `SELECT DISTINCT pg_get_userbyid(owner) AS owner FROM (
         SELECT relowner FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1)
         UNION SELECT nspowner FROM pg_namespace WHERE nspname = ANY ($1)
         UNION SELECT typowner FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
           WHERE n.nspname = ANY ($1) AND NOT EXISTS (
             SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e'
               AND objid = coalesce((SELECT e.oid FROM pg_type AS e WHERE e.typarray = t.oid), t.oid))
         UNION SELECT proowner FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
           WHERE n.nspname = ANY ($1) AND NOT EXISTS (
             SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
       ) AS owned (owner)`,
      [[...SCHEMAS]],
    );
    expect(rows).toEqual([{ owner: OWNER }]);
  });

  it('install extensions that PostgreSQL trusts, none of whose functions acts as who owns it', async () => {
    const { rows } = await admin.query<{ name: string; owner: string; trusted: boolean; definers: string }>(
      `SELECT e.extname AS name, pg_get_userbyid(e.extowner) AS owner,
              (SELECT bool_and(v.trusted) FROM pg_available_extension_versions AS v
               WHERE v.name = e.extname AND v.version = e.extversion) AS trusted,
              (SELECT count(*) FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid
               WHERE d.classid = 'pg_proc'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND p.prosecdef) AS definers
       FROM pg_extension AS e WHERE e.extname <> 'plpgsql' ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['btree_gin', 'pg_trgm']);
    for (const { owner, trusted, definers } of rows)
      expect({ owner, trusted, definers }).toEqual({ owner: OWNER, trusted: true, definers: '0' });
  });

  it('make functions that act as their owner, and these look up names in a fixed place', async () => {
    const { rows } = await admin.query<{ name: string; path: string | null }>(
      `SELECT p.oid::regprocedure::text AS name,
              (SELECT c FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%') AS path
       FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($1) AND p.prosecdef`,
      [[...SCHEMAS]],
    );
    expect(rows.length).toBeGreaterThan(20);
    for (const { name, path } of rows) expect(path, name).toMatch(/^search_path=pg_catalog(, pg_temp)?$/);
  });

  it('grant by name: nothing that a later migration makes is open before it says to whom', async () => {
    const { rows } = await admin.query(
      `SELECT defaclrole::regrole FROM pg_default_acl WHERE defaclacl::text ~ 'tollgate'`,
    );
    expect(rows).toEqual([]);
    await admin.query(`SET ROLE ${OWNER}`);
    await admin.query('CREATE TABLE billing.later (id integer)');
    await admin.query('RESET ROLE');
    for (const schema of SCHEMAS)
      expect(await refusals(schema, 'SELECT FROM billing.later')).toEqual([INSUFFICIENT, INSUFFICIENT]);
    await admin.query('DROP TABLE billing.later');
  });
});

/** The time-outs of a new session of a service, which begins with `parameters`. */
async function timeOutsOf(schema: ServiceSchema, parameters: ClientConfig = {}): Promise<string[]> {
  const fresh = new Client({ ...parameters, connectionString: asRole(url, rolesOf(schema).service) });
  await fresh.connect();
  const { rows } = await fresh.query<{ statement: string; idle: string }>(
    `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`,
  );
  await fresh.end();
  return [rows[0]!.statement, rows[0]!.idle];
}

describe('the time-outs of services', () => {
  const scanning = rolesOf('scanning').service;
  const loginUrl = (): string => asRole(url, scanning);

  it('are settings of their roles', async () => {
    for (const schema of SCHEMAS) expect(await timeOutsOf(schema)).toEqual(['30s', '1min']);
  });

  it('are what a session of the release before says that they are', async () => {
    const former = { statement_timeout: 20_000, idle_in_transaction_session_timeout: 40_000 };
    expect(await timeOutsOf('scanning', former)).toEqual(['20s', '40s']);
  });

  it.each([
    ['migrates', 'CREATEROLE', () => ({ DATABASE_MIGRATION_URL: ownerUrl() })],
    ['migrates as an owner that may change no role', 'NOCREATEROLE', () => ({ DATABASE_MIGRATION_URL: ownerUrl() })],
    ['only waits for its schema', 'CREATEROLE', () => ({ TOLLGATE_MIGRATIONS: 'wait' as const })],
  ])('are given to a role of the release before, which has none, by a service that %s', async (_, may, address) => {
    await admin.query(`ALTER ROLE ${scanning} RESET ALL; ALTER ROLE ${OWNER} ${may}`);
    expect(await timeOutsOf('scanning')).toEqual(['0', '0']);
    await prepareDatabase({ DATABASE_URL: loginUrl(), ...address() }, schemas.scanning, fail);
    expect(await timeOutsOf('scanning')).toEqual(['30s', '1min']);
  });

  it('stay what an administrator has made of them', async () => {
    await admin.query(`ALTER ROLE ${scanning} SET statement_timeout = '7s'`);
    await migrate(ownerUrl(), schemas.scanning, loginUrl());
    expect(await timeOutsOf('scanning')).toEqual(['7s', '1min']);
    await admin.query(`ALTER ROLE ${scanning} SET statement_timeout = '30s'`);
  });
});

describe.each(SCHEMAS)('the service of %s', (schema) => {
  const refused = async (sql: string) => expect(await refusals(schema, sql), sql).toEqual([INSUFFICIENT, INSUFFICIENT]);

  it('is no superuser, and may make no roles and databases', async () => {
    const names = Object.values(rolesOf(schema));
    const { rows } = await admin.query(
      `SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)
         AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)`,
      [names],
    );
    expect(rows).toEqual([]);
  });

  it.each([
    `SET session_replication_role = 'replica'`,
    `SELECT set_config('session_replication_role', 'replica', true)`,
    `COPY (SELECT 1) TO PROGRAM 'true'`,
    `COPY (SELECT 1) TO '/tmp/of-a-service'`,
    `SELECT pg_read_file('/etc/hostname')`,
    `SELECT lo_import('/etc/hostname')`,
    'CREATE SCHEMA mine',
    'CREATE TABLE public.mine (id integer)',
    `CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
    'CREATE ROLE mine',
    `SET ROLE ${OWNER}`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${OWNER} GRANT ALL ON TABLES TO PUBLIC`,
  ])('is refused: %s', async (sql) => {
    await refused(sql);
  });

  it('is refused to change a setting of the server', async () => {
    // Outside of a transaction, in which PostgreSQL refuses that to everybody.
    await expect(logins.get(schema)!.query('ALTER SYSTEM SET fsync = off')).rejects.toMatchObject({
      code: INSUFFICIENT,
    });
  });

  it('reads and writes nothing of another service, by any table', async () => {
    const others = (await tables()).filter((table) => table.schema !== schema);
    expect(others.length).toBeGreaterThan(20);
    for (const { name } of others)
      for (const sql of [`SELECT FROM ${name}`, `INSERT INTO ${name} DEFAULT VALUES`, `DELETE FROM ${name}`])
        await refused(sql);
  });

  it('empties, changes and locks away no table of its own, and switches no trigger and no policy off', async () => {
    for (const { name, trigger } of (await tables()).filter((table) => table.schema === schema)) {
      for (const sql of [
        `TRUNCATE ${name}`,
        `DROP TABLE ${name}`,
        `ALTER TABLE ${name} ADD COLUMN mine integer`,
        `ALTER TABLE ${name} DISABLE TRIGGER ALL`,
        `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`,
        `ALTER TABLE ${name} OWNER TO ${rolesOf(schema).service}`,
        `CREATE TRIGGER mine BEFORE INSERT ON ${name} EXECUTE FUNCTION ${schema}.none()`,
        `CREATE RULE mine AS ON DELETE TO ${name} DO INSTEAD NOTHING`,
        `CREATE POLICY mine ON ${name} USING (true)`,
        ...(trigger === null
          ? []
          : [`ALTER TABLE ${name} DISABLE TRIGGER ${trigger}`, `DROP TRIGGER ${trigger} ON ${name}`]),
      ]) {
        const codes = await refusals(schema, sql);
        // A function that is not there may be found out before the right is.
        expect(
          codes.every((code) => code === INSUFFICIENT || (sql.startsWith('CREATE TRIGGER') && code === '42883')),
          `${sql}: ${codes.join()}`,
        ).toBe(true);
      }
    }
  });

  it('changes and deletes nothing in tables that only grow, whatever settings it gives its transaction', async () => {
    const growing = (await tables()).filter(
      (table) => table.schema === schema && !table.isPartition && table.trigger?.endsWith('_append_only') === true,
    );
    expect(growing.map(({ name }) => name.split('.')[1])).toEqual(ONLY_GROW[schema]);
    const settings = ['as_owner', 'erases_addresses', 'takes_out_orphans']
      .map((name) => `SET LOCAL tollgate.${name} = 'on';`)
      .join(' ');
    for (const { name, column } of growing)
      for (const sql of [`UPDATE ${name} SET ${column} = ${column}`, `DELETE FROM ${name}`])
        await refused(`${settings} ${sql}`);
  });

  it('calls no function of another service', async () => {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
       WHERE n.nspname = ANY ($1) AND n.nspname <> $2 AND has_schema_privilege($3, n.oid, 'USAGE')`,
      [[...SCHEMAS], schema, rolesOf(schema).service],
    );
    expect(rows).toEqual([]);
  });
});

describe('partitions of usage events', () => {
  const month = '2027-05-01';

  it('are made at run time by a function of the owner, which looks up names in a fixed place', async () => {
    const { rows } = await admin.query<{ owner: string; definer: boolean; config: string[] }>(
      `SELECT pg_get_userbyid(proowner) AS owner, prosecdef AS definer, proconfig AS config FROM pg_proc
       WHERE oid IN ('billing.make_usage_event_month(date)'::regprocedure, 'billing.drop_usage_event_month(date)'::regprocedure)`,
    );
    expect(rows).toHaveLength(2);
    for (const { owner, definer, config } of rows) {
      expect({ owner, definer }).toEqual({ owner: OWNER, definer: true });
      expect(config).toContain('search_path=pg_catalog, pg_temp');
    }
    const login = logins.get('billing')!;
    await login.query('BEGIN');
    await login.query(`SET LOCAL ROLE ${rolesOf('billing').allTenants}`);
    expect((await login.query(`SELECT billing.make_usage_event_month($1) AS made`, [month])).rows).toEqual([
      { made: true },
    ]);
    await login.query('COMMIT');
    const made = (await tables()).find(({ name }) => name === 'billing.usage_event_2027_05');
    expect(made).toMatchObject({ isPartition: true, trigger: 'usage_event_append_only' });
  });

  it('are used by nobody but through their table, also one that was made at run time', async () => {
    const partitions = (await tables()).filter(({ isPartition }) => isPartition);
    expect(partitions.map(({ name }) => name)).toContain('billing.usage_event_2027_05');
    for (const { name } of partitions)
      for (const sql of [
        `SELECT FROM ${name}`,
        `INSERT INTO ${name} DEFAULT VALUES`,
        `UPDATE ${name} SET request_id = request_id`,
        `DELETE FROM ${name}`,
        `TRUNCATE ${name}`,
        `ALTER TABLE billing.usage_event DETACH PARTITION ${name}`,
      ])
        expect(await refusals('billing', sql), sql).toEqual([INSUFFICIENT, INSUFFICIENT]);
    expect(
      await refusals('billing', `ALTER TABLE billing.usage_event ATTACH PARTITION billing.quarantine DEFAULT`),
    ).toEqual([INSUFFICIENT, INSUFFICIENT]);
  });

  it('go only once they are past, whoever asks', async () => {
    const [, acrossCode] = await refusals('billing', `SELECT billing.drop_usage_event_month('${month}')`);
    expect(acrossCode).toBe('22023');
  });
});

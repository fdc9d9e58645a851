import { codeOf, reasonOf, StartFault } from '@tollgate/app-process';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './database.js';
import { databaseFault } from './database-fault.js';
import { ensureTimeOuts, isServiceLogin, loginOf, rolesOf, type ServiceSchema } from './service-roles.js';

const READ_ONLY = 'this server takes no writes (a standby, or a database set to read-only); name the one that does';

/**
 * Checks SELECT and INSERT, because append-only tables need no other right. A partition is used through its table, so
 * its own rights do not count.
 */
const WITHOUT_RIGHTS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT'))
  ORDER BY 1`;

/**
 * Checks whether the role of this connection may use a schema. If there is nothing to migrate, missing rights would
 * otherwise show only when the first request fails.
 * @throws {StartFault} that names the tables which the role may not read or write, or says that the server is read-only
 */
export async function checkRights(dataSource: DataSource, schema: string): Promise<void> {
  const [session] = await dataSource.query<{ read_only: string; role: string }[]>(
    `SELECT current_setting('transaction_read_only') AS read_only, current_user AS role`,
  );
  if (session?.read_only === 'on') throw new StartFault('DATABASE_URL', READ_ONLY);
  const tables = await dataSource.query<{ name: string }[]>(WITHOUT_RIGHTS, [schema]);
  if (tables.length === 0) return;
  throw new StartFault(
    'DATABASE_URL',
    `the role ${session?.role} may not read and write ${tables.map(({ name }) => name).join(', ')}; grant it that, or name another role`,
  );
}

const LOGIN_STATE = `
  WITH roles AS (
    SELECT s.oid AS service_oid, a.oid AS all_oid,
           CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END AS act
    FROM (SELECT 1) AS one LEFT JOIN pg_roles AS s ON s.rolname = $1 LEFT JOIN pg_roles AS a ON a.rolname = $2)
  SELECT session_user AS user, current_setting('transaction_read_only') AS read_only,
         coalesce(pg_has_role(session_user, service_oid, act) AND pg_has_role(session_user, all_oid, act), false) AS may_act,
         coalesce(has_schema_privilege(service_oid, $3, 'USAGE'), false) AS has_rights
  FROM roles`;

/** The server refuses the password, or the role: there is none, or it may not log in. */
const LOGIN_REFUSED = ['28P01', '28000'];

/**
 * Checks that a service can log in by its URL and act as its roles, and gives its role the time-outs of its sessions.
 * @throws {StartFault} that says what is missing and how it is mended
 */
export async function checkLogin(loginUrl: string, schema: ServiceSchema): Promise<void> {
  const { service, allTenants } = rolesOf(schema);
  const session = new DataSource(dataSourceOptions(loginUrl, `migrate ${schema}`, 1));
  try {
    await session.initialize();
    const [state] = await session.query<{ user: string; read_only: string; may_act: boolean; has_rights: boolean }[]>(
      LOGIN_STATE,
      [service, allTenants, schema],
    );
    if (state?.read_only === 'on') throw new StartFault('DATABASE_URL', READ_ONLY);
    if (state?.may_act !== true)
      throw new StartFault(
        'DATABASE_URL',
        `the role ${state?.user} may not act as the service; name the role ${service}, or let an administrator run: GRANT ${service}, ${allTenants} TO "${state?.user}"`,
      );
    if (!state.has_rights)
      throw new StartFault(
        'DATABASE_URL',
        `the role ${service} has no rights on the schema ${schema}; restore the database with its grants, or run the migrations on an empty one`,
      );
    // The migrations of the release before gave it none, and an owner that did not make the role may not do so.
    if (isServiceLogin(loginUrl)) await ensureTimeOuts(session, state.user);
  } catch (error) {
    throw loginFault(loginUrl, error, service);
  } finally {
    if (session.isInitialized) await session.destroy();
  }
}

function loginFault(loginUrl: string, error: unknown, service: string): unknown {
  const user = loginOf(loginUrl)?.user;
  const code = codeOf(error) ?? codeOf((error as { driverError?: unknown }).driverError ?? {});
  if (user !== service || code === undefined || !LOGIN_REFUSED.includes(code))
    return databaseFault(loginUrl, error, 'PostgreSQL cannot be used');
  return new StartFault(
    'DATABASE_URL',
    `PostgreSQL refuses the login: ${reasonOf(error)}; a role belongs to the whole server, and one that was there keeps its password: name that one, or let an administrator run: ALTER ROLE ${service} LOGIN PASSWORD '<the password of DATABASE_URL>'`,
    error,
  );
}

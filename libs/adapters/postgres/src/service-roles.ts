import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';
import { scramVerifier } from './scram-verifier.js';

/** The schemas of the services that keep data of tenants. */
export type ServiceSchema = 'keys' | 'billing' | 'scanning';

const SCHEMAS: readonly ServiceSchema[] = ['keys', 'billing', 'scanning'];

/**
 * Milliseconds after which PostgreSQL ends a statement, and a transaction whose client does nothing: settings of the
 * roles that log in, or parameters with which the sessions of other roles begin.
 */
export const TIME_OUTS = { statement_timeout: 30_000, idle_in_transaction_session_timeout: 60_000 } as const;

/** The PostgreSQL roles of a service. They own nothing; rights come from the migrations. */
export interface ServiceRoles {
  /** For work about one organisation, or about none. Policies show it the rows of that organisation only. */
  readonly service: string;
  /** For work that spans organisations: relays and consumers. */
  readonly allTenants: string;
}

/** The roles of the service that owns a schema. */
export function rolesOf(schema: ServiceSchema): ServiceRoles {
  const service = `tollgate_${schema}`;
  return { service, allTenants: `${service}_all_tenants` };
}

/** Who a service logs in as. */
export interface Login {
  readonly user: string;
  /** Null if the URL has none: the server trusts the connection, or asks for a certificate. */
  readonly password: string | null;
}

/** Who logs in by a URL; null if it names nobody. */
export function loginOf(url: string): Login | null {
  const { username, password } = new URL(url);
  if (username === '') return null;
  return { user: decodeURIComponent(username), password: password === '' ? null : decodeURIComponent(password) };
}

/** Whether a URL names the role of a service, whose sessions bring their time-outs once `ensureTimeOuts` has run. */
export function isServiceLogin(url: string): boolean {
  const user = loginOf(url)?.user;
  return SCHEMAS.some((schema) => rolesOf(schema).service === user);
}

/**
 * Gives the role of a service its time-outs, where it has none. Each role may set its own, and so may who made it. They
 * count from the next session on, also behind PgBouncer; one that an administrator has set stays.
 */
export async function ensureTimeOuts(dataSource: Pick<DataSource, 'query'>, service: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const [role] = await dataSource.query<{ name: string; config: readonly string[] }[]>(
      `SELECT quote_ident(rolname) AS name, coalesce(rolconfig, '{}') AS config FROM pg_roles WHERE rolname = $1`,
      [service],
    );
    const absent = Object.entries(TIME_OUTS).filter(
      ([setting]) => role?.config.some((each) => each.startsWith(`${setting}=`)) !== true,
    );
    if (role === undefined || absent.length === 0) return;
    try {
      for (const [setting, ms] of absent) await dataSource.query(`ALTER ROLE ${role.name} SET ${setting} = ${ms}`);
    } catch (error) {
      // Another process of the service does the same.
      const { code = '' } = error as { code?: string };
      if (!MADE_MEANWHILE.includes(code) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

interface RolesState {
  readonly user: string;
  readonly service: boolean;
  readonly can_login: boolean;
  readonly unbound: boolean;
  readonly all_tenants: boolean;
  readonly granted: boolean;
  /** Whether the login exists and may not act as both roles yet. */
  readonly login_is_apart: boolean;
}

// From release 16 on, membership alone does not let a role act as another one.
const STATE = `
  WITH given AS (
    SELECT s.oid AS service_oid, a.oid AS all_oid, l.oid AS login_oid, l.rolsuper AS login_super, s.rolcanlogin, s.rolsuper, s.rolbypassrls,
           CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END AS act
    FROM (SELECT 1) AS one LEFT JOIN pg_roles AS s ON s.rolname = $1 LEFT JOIN pg_roles AS a ON a.rolname = $2
      LEFT JOIN pg_roles AS l ON l.rolname = coalesce($3, current_user))
  SELECT current_user AS user, service_oid IS NOT NULL AS service, coalesce(rolcanlogin, false) AS can_login,
         coalesce(rolsuper OR rolbypassrls, false) AS unbound, all_oid IS NOT NULL AS all_tenants,
         EXISTS (SELECT 1 FROM pg_auth_members WHERE roleid = all_oid AND member = service_oid) AS granted,
         login_oid IS NOT NULL AND NOT login_super
           AND NOT (coalesce(pg_has_role(login_oid, service_oid, act), false) AND coalesce(pg_has_role(login_oid, all_oid, act), false))
           AS login_is_apart
  FROM given`;

/** A statement, and how it is shown to an administrator: without the password. */
interface RoleStatement {
  readonly sql: string;
  readonly shown: string;
}

/**
 * What is missing. A role belongs to the whole server, and another installation may use it: one that may log in keeps
 * its password.
 */
function missing(state: RolesState, { service, allTenants }: ServiceRoles, login: Login | null): RoleStatement[] {
  const logsIn = login?.user === service;
  const as = (sql: string): RoleStatement => ({ sql, shown: sql });
  const withLogin = (begin: string): RoleStatement => {
    if (!logsIn || login.password === null) return as(`${begin} ${logsIn ? 'LOGIN' : 'NOLOGIN'}`);
    return {
      sql: `${begin} LOGIN PASSWORD '${scramVerifier(login.password)}'`,
      shown: `${begin} LOGIN PASSWORD '<the password of DATABASE_URL>'`,
    };
  };
  return [
    // It may become the other role, and must not have its rights and policies unless it does.
    ...(state.service ? [] : [withLogin(`CREATE ROLE ${service} NOINHERIT`)]),
    ...(state.service && logsIn && !state.can_login ? [withLogin(`ALTER ROLE ${service}`)] : []),
    ...(state.all_tenants ? [] : [as(`CREATE ROLE ${allTenants} NOLOGIN`)]),
    ...(state.granted ? [] : [as(`GRANT ${allTenants} TO ${service}`)]),
    ...(state.login_is_apart && !logsIn
      ? [as(`GRANT ${service}, ${allTenants} TO "${(login?.user ?? state.user).replaceAll('"', '""')}"`)]
      : []),
  ];
}

/** What a statement about roles may answer when another process runs the same one: made meanwhile, or being changed. */
const MADE_MEANWHILE = ['42710', '23505', 'XX000'];
const ATTEMPTS_MAX = 20;

/**
 * Makes the roles of a service where they are missing, and lets the user of `loginUrl` act as them. The service's role
 * gets the password of that URL if the URL names it. Without a URL it is the user of this connection who must act.
 * @throws {StartFault} with the SQL to run if this user may not, or if policies would not bind the service's role
 */
export async function ensureServiceRoles(
  dataSource: DataSource,
  schema: ServiceSchema,
  loginUrl?: string,
): Promise<void> {
  const roles = rolesOf(schema);
  const login = loginUrl === undefined ? null : loginOf(loginUrl);
  for (let attempt = 1; ; attempt++) {
    const [state] = await dataSource.query<RolesState[]>(STATE, [roles.service, roles.allTenants, login?.user ?? null]);
    if (state === undefined) throw new Error('the roles of the server cannot be read');
    if (state.unbound)
      throw new StartFault(
        'DATABASE_URL',
        `row-level security does not bind the role ${roles.service}; let an administrator run: ALTER ROLE ${roles.service} NOSUPERUSER NOBYPASSRLS`,
      );
    const statements = missing(state, roles, login);
    if (statements.length === 0) return;
    try {
      for (const { sql } of statements) await dataSource.query(sql);
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (code === '42501')
        throw new StartFault(
          'DATABASE_MIGRATION_URL',
          `the role ${state.user} may not make the roles of the service; let an administrator run: ${statements.map(({ shown }) => shown).join('; ')}`,
        );
      if (!MADE_MEANWHILE.includes(code) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';

/** The schemas of the services that keep data of tenants. */
export type ServiceSchema = 'keys' | 'billing' | 'scanning';

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

/** The SQL that an operator runs once where the migrations may not make roles. */
function rolesSql({ service, allTenants }: ServiceRoles, user: string): string[] {
  return [
    // It may become the other role, and must not have its rights and policies unless it does.
    `CREATE ROLE ${service} NOLOGIN NOINHERIT`,
    `CREATE ROLE ${allTenants} NOLOGIN`,
    `GRANT ${allTenants} TO ${service}`,
    `GRANT ${service}, ${allTenants} TO "${user.replaceAll('"', '""')}"`,
  ];
}

/** Two processes that make a role at once: one of them finds it made, or fails on its unique name. */
const MADE_MEANWHILE = ['42710', '23505'];

/**
 * Makes the roles of a service where they are missing, and lets the user of this connection act as them.
 * @throws {StartFault} with the SQL to run if this user may not
 */
export async function ensureServiceRoles(dataSource: DataSource, schema: ServiceSchema): Promise<void> {
  const roles = rolesOf(schema);
  const [state] = await dataSource.query<{ user: string; ready: boolean }[]>(
    `SELECT current_user AS user,
       (SELECT count(*) FROM pg_roles WHERE rolname IN ($1, $2) AND pg_has_role(current_user, oid, 'MEMBER')) = 2
         AND EXISTS (SELECT 1 FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid JOIN pg_roles AS r ON r.oid = m.member
                     WHERE g.rolname = $2 AND r.rolname = $1) AS ready`,
    [roles.service, roles.allTenants],
  );
  if (state === undefined || state.ready) return;
  for (const statement of rolesSql(roles, state.user)) {
    try {
      await dataSource.query(statement);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== undefined && MADE_MEANWHILE.includes(code)) continue;
      if (code !== '42501') throw error;
      throw new StartFault(
        'DATABASE_URL',
        `the role ${state.user} may not make the roles of the service; let an administrator run: ${rolesSql(roles, state.user).join('; ')}`,
      );
    }
  }
}

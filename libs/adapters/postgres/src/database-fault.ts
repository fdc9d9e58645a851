import { codeOf, reasonOf, StartFault } from '@tollgate/app-process';
import { isSingleSession } from './database.js';

const INSUFFICIENT_PRIVILEGE = '42501';
const READ_ONLY = '25006';
/** The form of PostgreSQL's error codes; those of the system, such as ECONNREFUSED, begin with E. */
const SQL_STATE = /^[0-9A-Z]{5}$/;

/**
 * Turns an error of a database into a start fault: one line that begins with the setting to look at. An error that
 * comes neither from the database nor from the connection to it is a bug, and is returned unchanged.
 */
export function databaseFault(
  url: string,
  error: unknown,
  problem: string,
  variable: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL' = 'DATABASE_URL',
): unknown {
  if (error instanceof StartFault) return error;
  const code = codeOf(error) ?? codeOf((error as { driverError?: unknown }).driverError ?? {});
  if (isSingleSession(url))
    return code === undefined ? error : new StartFault('TOLLGATE_DATA', `${problem}: ${reasonOf(error)}`, error);
  const isOfDatabase =
    error instanceof AggregateError || (code !== undefined && (SQL_STATE.test(code) || code.startsWith('E')));
  const isOfConnection = /timeout|Connection terminated|SSL/i.test(reasonOf(error));
  return isOfDatabase || isOfConnection
    ? new StartFault(variable, `${problem}: ${reasonOf(error)}${adviceOn(code, reasonOf(error))}`, error)
    : error;
}

/** What PgBouncer answers a session that begins with settings which it does not know; it has no code of its own. */
const OF_POOLER = /unsupported startup parameter/;

function adviceOn(code: string | undefined, reason: string): string {
  if (OF_POOLER.test(reason))
    return '; let DATABASE_MIGRATION_URL name the server itself, since migrations do not go through PgBouncer';
  if (code === INSUFFICIENT_PRIVILEGE)
    return '; name a role in DATABASE_MIGRATION_URL that may create schemas in this database and owns ours';
  if (code === READ_ONLY) return '; name the server that takes writes';
  return '';
}

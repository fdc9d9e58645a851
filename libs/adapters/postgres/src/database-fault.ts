import { codeOf, reasonOf, StartFault } from '@tollgate/app-process';
import { isSingleSession } from './database.js';

const INSUFFICIENT_PRIVILEGE = '42501';
const READ_ONLY = '25006';
/** Of PostgreSQL, five characters, and of the system, as ECONNREFUSED. */
const SQL_STATE = /^[0-9A-Z]{5}$/;

/**
 * Why a start cannot go on with a database, in one line that begins with the setting to look at. What is neither an
 * answer of the database nor trouble on the way to it is a bug, and given back as it is.
 */
export function databaseFault(url: string, error: unknown, problem: string): unknown {
  if (error instanceof StartFault) return error;
  const code = codeOf(error) ?? codeOf((error as { driverError?: unknown }).driverError ?? {});
  if (isSingleSession(url))
    return code === undefined ? error : new StartFault('TOLLGATE_DATA', `${problem}: ${reasonOf(error)}`, error);
  const isOfDatabase =
    error instanceof AggregateError || (code !== undefined && (SQL_STATE.test(code) || code.startsWith('E')));
  const isOfConnection = /timeout|Connection terminated|SSL/i.test(reasonOf(error));
  return isOfDatabase || isOfConnection
    ? new StartFault('DATABASE_URL', `${problem}: ${reasonOf(error)}${adviceOn(code)}`, error)
    : error;
}

function adviceOn(code: string | undefined): string {
  if (code === INSUFFICIENT_PRIVILEGE)
    return '; give the role of DATABASE_URL the right to create schemas in its database, and to use what is in ours';
  if (code === READ_ONLY) return '; name the server that takes writes';
  return '';
}

import { codeOf, StartFault } from '@tollgate/app-process';
import { openDatabase, type Database, type DatabaseOptions } from '@tollgate/postgres';

type CommandDatabase = Pick<DatabaseOptions, 'url' | 'applicationName' | 'entities'>;

/**
 * Opens the database of key-management with one connection, for a command that an operator runs, and closes it after
 * the work.
 * @throws {StartFault} that names DATABASE_URL, if the server cannot be reached, or no process of this release has
 * prepared the database
 */
export async function withCommandDatabase<T>(
  { url, applicationName, entities }: CommandDatabase,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase({
    url,
    poolSize: 1,
    applicationName,
    ...(entities !== undefined && { entities }),
  }).catch((error: unknown) => {
    throw new StartFault('DATABASE_URL', 'the server cannot be reached, or refuses the login', error);
  });
  try {
    return await work(database);
  } catch (error) {
    if (!UNPREPARED.includes(codeOf(error) ?? '')) throw error;
    const what = 'this database was not prepared by this release: start key-management first';
    throw new StartFault('DATABASE_URL', what, error);
  } finally {
    await database.close();
  }
}

/** No such schema, table, column, role or function. */
const UNPREPARED = ['3F000', '42P01', '42703', '22023', '42883'];

import { StartFault } from '@tollgate/app-process';
import { openDatabase, type Database, type DatabaseOptions } from '@tollgate/postgres';

/**
 * Opens the database of key-management with one connection, for a command that an operator runs.
 * @throws {StartFault} that names DATABASE_URL, if the server cannot be reached
 */
export function openForCommand({ url, applicationName, entities }: CommandDatabase): Promise<Database> {
  return openDatabase({ url, poolSize: 1, applicationName, ...(entities !== undefined && { entities }) }).catch(
    (error: unknown) => {
      throw new StartFault('DATABASE_URL', 'the server cannot be reached, or refuses the login', error);
    },
  );
}

type CommandDatabase = Pick<DatabaseOptions, 'url' | 'applicationName' | 'entities'>;

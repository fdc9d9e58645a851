import { join } from 'node:path';
import { keyManagementSchema } from '@tollgate/key-management';
import { migrate, openDatabase, startEmbeddedPostgres, type Database } from '@tollgate/postgres';
import { secretScanningSchema } from '@tollgate/secret-scanning';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { reasonOf, StartFault } from './start-fault.js';

const POOL_SIZE = 10;

export interface Stores {
  readonly database: Database;
  close(): Promise<void>;
}

/**
 * The database of all services: the one that `url` names, else Postgres in this process on a folder under the data
 * folder. `onLost` hears when the latter dies: nothing works then.
 * @throws {StartFault} where `url` leads to no server that lets us in
 */
export async function openStores(dataFolder: string, url: string | undefined, onLost: (error: Error) => void): Promise<Stores> {
  if (url !== undefined) await reachable(url);
  const embedded = url === undefined ? await startEmbeddedPostgres(join(dataFolder, 'postgres'), onLost) : null;
  const address = url ?? embedded!.url;
  for (const schema of [keyManagementSchema, usageBillingSchema, secretScanningSchema]) await migrate(address, schema);
  const database = await openDatabase({ url: address, poolSize: POOL_SIZE, applicationName: 'tollgate' });
  return {
    database,
    close: async () => {
      await database.close();
      await embedded?.close();
    },
  };
}

/** A server that is away, or will not have us, is said before anything is done with it. */
async function reachable(url: string): Promise<void> {
  const database = await openDatabase({ url, poolSize: 1, applicationName: 'tollgate' }).catch((error: unknown) => {
    throw new StartFault('DATABASE_URL', `PostgreSQL cannot be used: ${reasonOf(error)}`, error);
  });
  await database.close();
}

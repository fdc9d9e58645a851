import { keyManagementSchema } from '@tollgate/key-management';
import {
  migrate,
  openDatabase,
  standaloneUseSchema,
  takeSoleUse,
  tellOfNewer,
  type Database,
  type EmbeddedPostgres,
  type SoleUse,
} from '@tollgate/postgres';
import { secretScanningSchema } from '@tollgate/secret-scanning';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { openEmbeddedDatabase } from './embedded-database.js';
import { databaseFolder } from './instance-folder.js';

const POOL_SIZE = 10;
/** What the sessions of the services on their own are called: what they change, this process would not hear of. */
const SERVICES = ['key-management', 'usage-billing', 'secret-scanning'] as const;

export interface Stores {
  readonly database: Database;
  /** Milliseconds since it was last certain that no other process changes what is in the database. */
  uncertainMs(): number;
  close(): Promise<void>;
}

export interface StoresOptions {
  readonly dataFolder: string;
  /** Undefined: Postgres in this process, on a folder under the data folder. */
  readonly url: string | undefined;
  /** Hears when the database can no longer be used by this process: nothing works then. */
  readonly onLost: (reason: string, error?: Error) => void;
  /** Hears what the start does, a line each. */
  readonly tell: (line: string) => void;
  /** Hears what may be wrong, a line each. */
  readonly warn: (line: string) => void;
}

/**
 * The database of all services.
 * @throws {StartFault} in one line, where it cannot be used, or another standalone uses it
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { url, tell, warn } = options;
  tell(url === undefined ? 'opening the embedded database' : 'opening the database of DATABASE_URL');
  const onDied = (error: Error): void => options.onLost('the embedded Postgres has died', error);
  const embedded = url === undefined ? await openEmbeddedDatabase(databaseFolder(options.dataFolder), onDied) : null;
  const soleUse =
    url === undefined ? null : await takeSoleUse(url, { notBeside: SERVICES, onLost: options.onLost, tell: warn });
  const address = url ?? embedded!.url;
  const schemas = [
    ...(soleUse === null ? [] : [standaloneUseSchema]),
    keyManagementSchema,
    usageBillingSchema,
    secretScanningSchema,
  ];
  for (const schema of schemas) tellOfNewer(await migrate(address, schema), warn);
  await soleUse?.sign();
  const database = await openDatabase({ url: address, poolSize: POOL_SIZE, applicationName: 'tollgate' });
  return {
    database,
    uncertainMs: () => soleUse?.uncertainMs() ?? 0,
    close: () => closeAll(database, embedded, soleUse),
  };
}

/** The lock goes last: until then this process may still write. */
async function closeAll(database: Database, embedded: EmbeddedPostgres | null, soleUse: SoleUse | null): Promise<void> {
  await database.close();
  await embedded?.close();
  await soleUse?.release();
}

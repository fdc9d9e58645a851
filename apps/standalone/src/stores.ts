import { keyManagementEntities, keyManagementSchema } from '@tollgate/key-management';
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
/** Names of the distributed services' database sessions. This process would not notice what those services change. */
const SERVICES = ['key-management', 'usage-billing', 'secret-scanning'] as const;

/** The database of an instance, open and migrated. */
export interface Stores {
  readonly database: Database;
  /** Milliseconds since it was last certain that no other process changes the database. */
  uncertainMs(): number;
  close(): Promise<void>;
}

export interface StoresOptions {
  readonly dataFolder: string;
  /** The URL of a Postgres server; undefined means an embedded Postgres within the data folder. */
  readonly url: string | undefined;
  /** The URL that migrations run under; undefined means `url`. */
  readonly migrationUrl?: string | undefined;
  /** Called if this process can no longer use the database; nothing works then. */
  readonly onLost: (reason: string, error?: Error) => void;
  /** Called with one line for each step of the start. */
  readonly tell: (line: string) => void;
  /** Called with one line for each warning. */
  readonly warn: (line: string) => void;
}

/**
 * Opens and migrates the database of all services.
 * @throws {StartFault} if it cannot be used, or another standalone uses it
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { url, tell, warn } = options;
  tell(url === undefined ? 'opening the embedded database' : 'opening the database of DATABASE_URL');
  const onDied = (error: Error): void => options.onLost('the embedded Postgres has died', error);
  const embedded = url === undefined ? await openEmbeddedDatabase(databaseFolder(options.dataFolder), onDied) : null;
  const soleUse =
    url === undefined ? null : await takeSoleUse(url, { notBeside: SERVICES, onLost: options.onLost, tell: warn });
  const address = url ?? embedded!.url;
  const migrationAddress = url === undefined ? address : (options.migrationUrl ?? url);
  const schemas = [
    ...(soleUse === null ? [] : [standaloneUseSchema]),
    keyManagementSchema,
    usageBillingSchema,
    secretScanningSchema,
  ];
  for (const schema of schemas) tellOfNewer(await migrate(migrationAddress, schema, address), warn);
  await soleUse?.sign();
  const database = await openDatabase({
    url: address,
    poolSize: POOL_SIZE,
    applicationName: 'tollgate',
    entities: keyManagementEntities,
  });
  return {
    database,
    uncertainMs: () => soleUse?.uncertainMs() ?? 0,
    close: () => closeAll(database, embedded, soleUse),
  };
}

/** Releases the lock last, because this process may write until the database is closed. */
async function closeAll(database: Database, embedded: EmbeddedPostgres | null, soleUse: SoleUse | null): Promise<void> {
  await database.close();
  await embedded?.close();
  await soleUse?.release();
}

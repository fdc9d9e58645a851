import { DataSource, type DataSourceOptions } from 'typeorm';
import { ownConnection, YieldingLookUps, type LookUps } from './look-ups.js';

/** Token of the `Database` of a process. */
export const DATABASE = Symbol('DATABASE');

/** An open pool. Close it last: in `onApplicationShutdown`, when nothing queries any more. */
export interface Database {
  readonly dataSource: DataSource;
  /**
   * True on the embedded Postgres: one connection serves everybody, so a second connection, a call to
   * another module or a publish inside a transaction would wait for itself.
   */
  readonly singleSession: boolean;
  /** For reads that strangers can cause: nothing waits behind them. */
  readonly lookUps: LookUps;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://…`, or what `startEmbeddedPostgres` gave. */
  readonly url: string;
  /** Connections at most; always one on the embedded Postgres. */
  readonly poolSize: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
}

const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
const SINGLE_SESSION = 'single_session';

/** The address of a Postgres that is one session, listening as `.s.PGSQL.5432` in `socketFolder`. */
export function singleSessionUrl(socketFolder: string): string {
  return `postgres://postgres@localhost/postgres?host=${encodeURIComponent(socketFolder)}&${SINGLE_SESSION}=true`;
}

/** Whether the address is one of an embedded Postgres. */
export function isSingleSession(url: string): boolean {
  return new URL(url).searchParams.get(SINGLE_SESSION) === 'true';
}

/** Opens a pool and asks for one connection; rejects when the server cannot be reached within 5 s. */
export async function openDatabase({ url, poolSize, applicationName }: DatabaseOptions): Promise<Database> {
  const singleSession = isSingleSession(url);
  const settings = {
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  };
  const dataSource = new DataSource(dataSourceOptions(url, applicationName, poolSize, settings));
  await dataSource.initialize();
  const lookUps = singleSession
    ? new YieldingLookUps(dataSource)
    : ownConnection(dataSourceOptions(url, `${applicationName} look-ups`, 1, settings));
  return {
    dataSource,
    singleSession,
    lookUps,
    close: async () => {
      await lookUps.close();
      if (dataSource.isInitialized) await dataSource.destroy();
    },
  };
}

/** `extra` holds settings of the session; the embedded Postgres knows none of them. */
export function dataSourceOptions(
  url: string,
  applicationName: string,
  poolSize: number,
  extra: Record<string, unknown> = {},
): DataSourceOptions {
  const single = isSingleSession(url);
  return {
    type: 'postgres',
    url,
    applicationName,
    poolSize: single ? 1 : poolSize,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    // A failed statement rejects, and its caller logs it: TypeORM would print its parameters too.
    logging: false,
    // The embedded Postgres forgets its session state with the connection: never let it go.
    extra: single ? { idleTimeoutMillis: 0 } : { keepAlive: true, ...extra },
  };
}

import { DataSource, type DataSourceOptions, type EntitySchema } from 'typeorm';
import { FollowingClient } from './following-client.js';
import { ownConnection, whenQuiet, YieldingLookUps, type LookUps } from './look-ups.js';
import { isServiceLogin, TIME_OUTS } from './service-roles.js';

/** Token of the `Database` of a process. */
export const DATABASE = Symbol('DATABASE');

/**
 * An open pool. Close it last, in `onApplicationShutdown`, when no more queries run.
 *
 * @example
 * const database = await openDatabase({ url, poolSize: 10, applicationName: 'key-management' });
 * const keys = new ServiceDatabase(database.dataSource, 'keys');
 * await database.close();
 */
export interface Database {
  /** For readiness and migrations. Services use a `ServiceDatabase`, and lint holds that. */
  readonly dataSource: DataSource;
  /**
   * True on the embedded Postgres. It has one connection for the whole process: inside a transaction, a second
   * connection, a call to another module or a publish would deadlock.
   */
  readonly singleSession: boolean;
  /** For reads that callers without a credential can cause: no other query waits behind them. */
  readonly lookUps: LookUps;
  /**
   * For long work in small transactions, before each of them: on the embedded Postgres it waits until nobody else works
   * or waits, at most `ms` milliseconds; elsewhere it waits for nothing.
   */
  whenQuiet(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Which server to connect to, and with how many connections. */
export interface DatabaseOptions {
  /** `postgres://…`, or the `url` of an embedded Postgres. */
  readonly url: string;
  /** The most connections; on the embedded Postgres it is always one. */
  readonly poolSize: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** The tables that are used through repositories. */
  readonly entities?: readonly EntitySchema[];
}

const CONNECT_TIMEOUT_MS = 5_000;
const SINGLE_SESSION = 'single_session';

/** The URL of a Postgres with a single session that listens on `.s.PGSQL.5432` in `socketFolder`. */
export function singleSessionUrl(socketFolder: string): string {
  return `postgres://postgres@localhost/postgres?host=${encodeURIComponent(socketFolder)}&${SINGLE_SESSION}=true`;
}

/** Whether the URL is that of an embedded Postgres. */
export function isSingleSession(url: string): boolean {
  return new URL(url).searchParams.get(SINGLE_SESSION) === 'true';
}

/** Opens a pool and asks for one connection; rejects when the server cannot be reached within 5 s. */
export async function openDatabase({
  url,
  poolSize,
  applicationName,
  entities = [],
}: DatabaseOptions): Promise<Database> {
  const singleSession = isSingleSession(url);
  // PgBouncer refuses time-outs as parameters of a session; the roles of the services bring theirs with them.
  const settings = isServiceLogin(url) ? {} : TIME_OUTS;
  const dataSource = new DataSource({
    ...dataSourceOptions(url, applicationName, poolSize, settings),
    entities: [...entities],
  });
  await dataSource.initialize();
  const lookUps = singleSession
    ? new YieldingLookUps(dataSource)
    : ownConnection(dataSourceOptions(url, `${applicationName} look-ups`, 1, settings));
  return {
    dataSource,
    singleSession,
    lookUps,
    whenQuiet: (ms) => (singleSession ? whenQuiet(dataSource, ms) : Promise.resolve()),
    close: async () => {
      await lookUps.close();
      if (dataSource.isInitialized) await dataSource.destroy();
    },
  };
}

/** Options for TypeORM. `extra` has settings of the session, which the embedded Postgres does not support. */
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
    // A failed statement rejects, and its caller logs it. TypeORM's own log would also print the parameters.
    logging: false,
    // A condition with an undefined value would otherwise be left out, and the first row of all be the answer.
    invalidWhereValuesBehavior: { null: 'throw', undefined: 'throw' },
    // The embedded Postgres always takes writes. It loses its session state with the connection: never close an idle
    // one.
    extra: single ? { idleTimeoutMillis: 0 } : { keepAlive: true, Client: FollowingClient, ...extra },
  };
}

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { StartFault } from '@tollgate/app-process';
import { Client, type ClientConfig } from 'pg';
import { databaseFault } from './database-fault.js';
import type { Migration } from './migrate.js';

/** The advisory lock that a standalone holds on its database: two numbers that nothing else should use. */
const LOCK = [1_414_482_759, 1] as const;
/** How often the holder checks that its session is alive, and how long an answer may take. */
const CONFIRM_INTERVAL_MS = 1_000;
const ANSWER_MS_MAX = 2_000;
const CONNECT_MS_MAX = 5_000;
/** PostgreSQL truncates a longer `application_name`. */
const SESSION_NAME_MAX = 63;

/** A start waits this long for the session of a standalone that was just killed to end. */
const LEAVING_MS_MAX = 2_000;
const LEAVING_LOOK_MS = 200;
/**
 * With these settings the server notices within some ten seconds that the session's machine is unreachable, and never
 * ends the session because it is idle.
 */
const SESSION_SETTINGS =
  'SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET idle_session_timeout = 0';

const SESSION_OF_HOLDER = `
  SELECT a.pid, coalesce(a.application_name, 'a session of another role') AS name, a.client_addr AS address
  FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** The services that use the database from processes of their own, by the names of their sessions. */
const OTHER_USERS = `
  SELECT DISTINCT application_name AS name FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = ANY ($1::text[]) ORDER BY 1`;

/** The lock by which a standalone has a database for itself: it would not hear of the changes of another one. */
export interface SoleUse {
  /** Milliseconds since it was last certain that no other standalone uses the database. */
  uncertainMs(): number;
  /**
   * Records in the database that this process uses it. If the session is lost, the record shows whether another
   * standalone has used the database meanwhile. Call it once the schema `standalone` exists.
   */
  sign(): Promise<void>;
  release(): Promise<void>;
}

/** Who else may not use the database, and who hears that it was lost. */
export interface SoleUseOptions {
  /** Names of sessions that prevent taking the database: those of services that run as processes of their own. */
  readonly notBeside?: readonly string[];
  /**
   * Called once if another standalone has used the database meanwhile. The state in this process's memory is then
   * out of date.
   */
  readonly onLost: (reason: string) => void;
  /** Receives one line when the session is lost, and one when it is there again. */
  readonly tell?: (line: string) => void;
}

/** Creates the table in which the standalone that uses a database is recorded. */
class StandaloneUse1795536000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: { query(sql: string): Promise<unknown> }): Promise<void> {
    await runner.query(
      `CREATE TABLE standalone.in_use (
         only_row boolean CONSTRAINT in_use_pk PRIMARY KEY DEFAULT true CONSTRAINT in_use_only_row CHECK (only_row),
         instance_id uuid NOT NULL,
         since timestamptz NOT NULL
       )`,
    );
  }

  async down(runner: { query(sql: string): Promise<unknown> }): Promise<void> {
    await runner.query('DROP TABLE standalone.in_use');
  }
}

/** The schema of the table that `sign` writes, for `migrate`. */
export const standaloneUseSchema = { schema: 'standalone', migrations: [StandaloneUse1795536000000] };

/**
 * Locks a database for this standalone: a standalone keeps keys and credit in memory, and would not hear of the changes
 * of another one. The lock belongs to a session of its own and ends with it, however this process ends. If the session
 * is lost, the lock is taken again; until then `uncertainMs` grows, and cached keys must not be trusted.
 * @throws {StartFault} while another standalone, or a service on its own, uses the database
 */
export async function takeSoleUse(url: string, options: SoleUseOptions): Promise<SoleUse> {
  const lease = new Lease(url, options);
  try {
    await lease.take();
  } catch (error) {
    await lease.release();
    throw databaseFault(url, error, 'PostgreSQL cannot be used');
  }
  return lease;
}

class Lease implements SoleUse {
  readonly #instanceId = randomUUID();
  readonly #sessionName =
    `tollgate standalone ${this.#instanceId.slice(0, 8)}, pid ${process.pid} on ${hostname()}`.slice(
      0,
      SESSION_NAME_MAX,
    );
  #session: Client | null = null;
  #takenAt = performance.now();
  #certainAt = performance.now();
  #signed = false;
  #ended = false;
  #following: Promise<void> = Promise.resolve();
  readonly #wake = new AbortController();

  constructor(
    private readonly url: string,
    private readonly options: SoleUseOptions,
  ) {}

  uncertainMs(): number {
    return performance.now() - this.#certainAt;
  }

  async take(): Promise<void> {
    const holder = await this.#tryForAWhile();
    if (holder !== null) throw refusal(`another standalone uses this database: ${holder.name}${from(holder)}`);
    const { rows } = await this.#session!.query<{ name: string }>(OTHER_USERS, [this.options.notBeside ?? []]);
    if (rows.length > 0)
      throw refusal(`services on their own use this database: ${rows.map(({ name }) => name).join(', ')}`);
    this.#certainAt = this.#takenAt;
    this.#following = this.#follow();
  }

  async #tryForAWhile(): Promise<Holder | null> {
    const until = performance.now() + LEAVING_MS_MAX;
    for (;;) {
      const holder = await this.#tryToTake();
      if (holder === null || performance.now() > until) return holder;
      await pause(LEAVING_LOOK_MS);
    }
  }

  async sign(): Promise<void> {
    await this.#session?.query(
      `INSERT INTO standalone.in_use (instance_id, since) VALUES ($1, now())
       ON CONFLICT (only_row) DO UPDATE SET instance_id = excluded.instance_id, since = excluded.since`,
      [this.#instanceId],
    );
    this.#signed = true;
  }

  async release(): Promise<void> {
    this.#ended = true;
    this.#wake.abort();
    await this.#following;
    await this.#session?.end().catch(() => undefined);
  }

  /** Resolves with null if it has taken the lock, else with the session that has it. Rejects if a query fails. */
  async #tryToTake(): Promise<Holder | null> {
    const sentAt = performance.now();
    const session = newSession(this.url, { application_name: this.#sessionName, keepAlive: true });
    try {
      await session.connect();
      await session.query(SESSION_SETTINGS);
      const {
        rows: [row],
      } = await session.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [...LOCK]);
      if (row?.taken === true) {
        this.#session = session;
        this.#takenAt = sentAt;
        return null;
      }
      const {
        rows: [holder],
      } = await session.query<Holder>(SESSION_OF_HOLDER, [...LOCK]);
      await this.#endOwnSession(session, holder);
      await session.end();
      return holder ?? { pid: 0, name: 'one that has just ended', address: null };
    } catch (error) {
      await session.end().catch(() => undefined);
      throw error;
    }
  }

  /** Ends this process's previous session if it holds the lock: the server may not have noticed yet that it is dead. */
  async #endOwnSession(session: Client, holder: Holder | undefined): Promise<void> {
    if (holder?.name === this.#sessionName) await session.query('SELECT pg_terminate_backend($1)', [holder.pid]);
  }

  async #follow(): Promise<void> {
    while (!this.#ended) {
      await pause(CONFIRM_INTERVAL_MS, undefined, { signal: this.#wake.signal, ref: false }).catch(() => undefined);
      if (this.#ended) return;
      if (await this.#isStillOurs()) continue;
      if (this.#session !== null)
        this.options.tell?.('the session that holds the database for this process alone was lost; taking it again');
      this.#session = null;
      const lost = await this.#takeAgain();
      if (lost !== null) return this.options.onLost(lost);
    }
  }

  async #isStillOurs(): Promise<boolean> {
    const sentAt = performance.now();
    const session = this.#session;
    if (session === null) return false;
    try {
      await session.query('SELECT 1');
      this.#certainAt = sentAt;
      return true;
    } catch {
      // This is not awaited: a session that does not answer would not end either.
      void session.end().catch(() => undefined);
      return false;
    }
  }

  /** Resolves with null if it succeeded or can be tried again, else with the reason why this process must not go on. */
  async #takeAgain(): Promise<string | null> {
    try {
      const holder = await this.#tryToTake();
      if (holder !== null)
        return holder.name === this.#sessionName || holder.pid === 0
          ? null
          : `another standalone has taken the database: ${holder.name}${from(holder)}`;
      if (!(await this.#nobodyElseSigned())) return 'another standalone has used the database meanwhile';
      this.#certainAt = this.#takenAt;
      this.options.tell?.('the database is held for this process alone again');
      return null;
    } catch {
      void this.#session?.end().catch(() => undefined);
      this.#session = null;
      return null;
    }
  }

  async #nobodyElseSigned(): Promise<boolean> {
    if (!this.#signed) return true;
    const {
      rows: [row],
    } = await this.#session!.query<{ instance_id: string }>('SELECT instance_id FROM standalone.in_use');
    return row?.instance_id === this.#instanceId;
  }
}

interface Holder {
  readonly pid: number;
  readonly name: string;
  /** Null if the session comes from the server's own machine. */
  readonly address: string | null;
}

/** A session that is not connected yet, with timeouts for connecting and for each answer. */
function newSession(url: string, options: ClientConfig = {}): Client {
  const session = new Client({
    ...options,
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
  });
  // If a session ends between two queries, the next query notices.
  session.on('error', () => undefined);
  return session;
}

const refusal = (why: string): StartFault =>
  new StartFault('DATABASE_URL', `${why}; stop what uses it, or name another database`);
const from = ({ address }: Holder): string => (address === null ? '' : ` (from ${address})`);

/**
 * Checks that no standalone uses a database. A service that runs as its own process calls it before it uses the
 * database.
 * @throws {StartFault} if a standalone uses it: the standalone would not hear of what the service changes
 */
export async function refuseBesideStandalone(
  url: string,
  variable: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL' = 'DATABASE_URL',
): Promise<void> {
  const session = newSession(url);
  try {
    await session.connect();
    const {
      rows: [holder],
    } = await session.query<Holder>(SESSION_OF_HOLDER, [...LOCK]);
    if (holder !== undefined) throw refusal(`a standalone uses this database: ${holder.name}${from(holder)}`);
  } catch (error) {
    throw databaseFault(url, error, 'PostgreSQL cannot be used', variable);
  } finally {
    await session.end().catch(() => undefined);
  }
}

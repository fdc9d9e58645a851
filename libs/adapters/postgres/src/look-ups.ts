import type { Pool } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';

/**
 * Reads that anyone can cause without a credential. However many there are, no other query waits behind them. Look-ups
 * run one after another, so the caller should keep few under way.
 */
export interface LookUps {
  /**
   * Asks a function of `lookUpFunctionSql`, such as `keys.api_keys_by_digests`: it runs as its owner, so no role has to
   * be taken first, and one statement is enough. Resolves with the rows; rejects if the query fails.
   */
  ask<Row extends object>(lookUpFunction: string, asked: unknown): Promise<Row[]>;
  close(): Promise<void>;
}

/** Look-ups on a connection of their own, which the first one opens. */
export function ownConnection(options: DataSourceOptions): LookUps {
  let opened: Promise<DataSource> | null = null;
  const open = (): Promise<DataSource> => {
    opened ??= new DataSource(options).initialize().catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  return {
    ask: async (lookUpFunction, asked) => {
      const statement = statementOf(lookUpFunction);
      return (await open()).query(statement, [asked]);
    },
    close: async () => {
      const dataSource = await opened?.catch(() => null);
      if (dataSource?.isInitialized === true) await dataSource.destroy();
    },
  };
}

function statementOf(lookUpFunction: string): string {
  if (!/^[a-z_]+\.[a-z_]+$/.test(lookUpFunction)) throw new Error(`not the name of a function: ${lookUpFunction}`);
  return `SELECT * FROM ${lookUpFunction}($1)`;
}

/**
 * A look-up yields to other queries for this long and then queues with them. The look-ups of unknown secrets may wait,
 * but one of a valid key must be answered.
 */
const YIELD_MS_MAX = 250;
/**
 * The most values that one statement of them asks for. A thousand take an embedded Postgres 100 to 400 ms, and a
 * revoke, which is several transactions, may meet a look-up before each.
 */
const ASKED_AT_ONCE = 50;

/**
 * Look-ups on the one session that all queries share. Each begins only when no other query runs or waits, so a query
 * waits for at most one look-up. Under writes without a pause one look-up begins in each `YIELD_MS_MAX`. A list is
 * asked for in parts, each of which is a look-up.
 */
export class YieldingLookUps implements LookUps {
  /** The look-ups that have begun, and how many of them began while the session was busy. */
  readonly counts = { begun: 0, overtaking: 0 };
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly dataSource: DataSource) {}

  async ask<Row extends object>(lookUpFunction: string, asked: unknown): Promise<Row[]> {
    if (!Array.isArray(asked) || asked.length <= ASKED_AT_ONCE) return this.#askOnce(lookUpFunction, asked);
    const parts = Array.from({ length: Math.ceil(asked.length / ASKED_AT_ONCE) }, (_, n) =>
      asked.slice(n * ASKED_AT_ONCE, (n + 1) * ASKED_AT_ONCE),
    );
    // Together they yield for no longer than one look-up: a valid key may be in the last part.
    const yieldMs = YIELD_MS_MAX / parts.length;
    return (await Promise.all(parts.map((part) => this.#askOnce<Row>(lookUpFunction, part, yieldMs)))).flat();
  }

  #askOnce<Row extends object>(lookUpFunction: string, asked: unknown, yieldMs = YIELD_MS_MAX): Promise<Row[]> {
    const result = this.#last.then(async (): Promise<Row[]> => {
      await whenQuiet(this.dataSource, yieldMs);
      this.counts.begun += 1;
      if (isBusy(this.#pool)) this.counts.overtaking += 1;
      return this.dataSource.query(statementOf(lookUpFunction), [asked]);
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Does nothing: the owner of the session closes it. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  get #pool(): Pool {
    return poolOf(this.dataSource);
  }
}

/** Resolves when no query runs on the one session of a pool or waits for it, or after `ms`. */
export async function whenQuiet(dataSource: DataSource, ms: number): Promise<void> {
  const pool = poolOf(dataSource);
  const until = performance.now() + ms;
  for (let left = ms; left > 0 && isBusy(pool); left = until - performance.now()) await released(pool, left);
}

const poolOf = (dataSource: DataSource): Pool => (dataSource.driver as unknown as { readonly master: Pool }).master;

/** Whether a query runs on the session or waits for it. */
function isBusy({ waitingCount, idleCount, totalCount }: Pool): boolean {
  return waitingCount > 0 || (idleCount === 0 && totalCount > 0);
}

/** Resolves when a connection was released and handed to the next waiting query, or after `ms`. */
function released(pool: Pool, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      pool.off('release', told);
      resolve();
    };
    // The pool emits `release` before it hands the connection to the next query.
    const told = (): void => void setImmediate(done);
    const timer = setTimeout(done, ms);
    pool.once('release', told);
  });
}

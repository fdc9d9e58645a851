import type { Pool } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';

/**
 * Reads that strangers can cause without any credential: however many there are, nothing else waits behind them.
 * Whoever asks keeps few under way: each waits for the one before.
 */
export interface LookUps {
  /** The rows; rejects as a query does. */
  query<Row extends object>(statement: string, parameters: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Look-ups on a connection of their own, opened with the first of them. */
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
    query: async (statement, parameters) => (await open()).query(statement, [...parameters]),
    close: async () => {
      const dataSource = await opened?.catch(() => null);
      if (dataSource?.isInitialized === true) await dataSource.destroy();
    },
  };
}

/** After so long a look-up queues as everything else does: a stranger's waits, but a good key's must get its answer. */
const YIELD_MS_MAX = 250;

/**
 * Look-ups on the one session that everything shares: each is begun only when nobody else works or waits, so that at
 * most one, already begun, is in anybody's way. Under writes without a pause one is let in for each `YIELD_MS_MAX`.
 */
export class YieldingLookUps implements LookUps {
  /** Look-ups that were begun, and those of them that others were waiting behind as they began. */
  readonly counts = { begun: 0, overtaking: 0 };
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly dataSource: DataSource) {}

  query<Row extends object>(statement: string, parameters: readonly unknown[]): Promise<Row[]> {
    const result = this.#last.then(async (): Promise<Row[]> => {
      await this.#quiet();
      this.counts.begun += 1;
      if (isBusy(this.#pool)) this.counts.overtaking += 1;
      return this.dataSource.query(statement, [...parameters]);
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** The session is its owner's to close. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #quiet(): Promise<void> {
    const until = performance.now() + YIELD_MS_MAX;
    for (let left = YIELD_MS_MAX; left > 0 && isBusy(this.#pool); left = until - performance.now()) {
      await released(this.#pool, left);
    }
  }

  get #pool(): Pool {
    return (this.dataSource.driver as unknown as { readonly master: Pool }).master;
  }
}

/** Whether somebody works on the session, or waits for it. */
function isBusy({ waitingCount, idleCount, totalCount }: Pool): boolean {
  return waitingCount > 0 || (idleCount === 0 && totalCount > 0);
}

/** Resolves when a connection has been given back and whoever waited for it has it, or the time is over. */
function released(pool: Pool, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      pool.off('release', told);
      resolve();
    };
    // The pool tells before it hands the connection on.
    const told = (): void => void setImmediate(done);
    const timer = setTimeout(done, ms);
    pool.once('release', told);
  });
}

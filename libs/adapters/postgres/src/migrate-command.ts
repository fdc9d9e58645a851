import { mendableFault } from '@tollgate/app-process';
import type { MigrateOptions } from './migrate.js';
import { prepareDatabase, type DatabaseAddress } from './prepare-database.js';

/** What a command needs to bring the schema of one service up to date. */
export interface MigrateCommand {
  /** The name of the service, for what is printed. */
  readonly service: string;
  /** Reads the environment, or throws an `EnvironmentError`. */
  readonly readEnvironment: () => DatabaseAddress;
  readonly schema: MigrateOptions;
}

/** What a shell calls a process that a signal has ended. */
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Brings the schema of a service up to date and ends, for a job that runs before the service. If `TOLLGATE_MIGRATIONS`
 * is `wait`, it ends once the schema is at least that of this release, for what must come after that job. It writes to
 * nothing but the database. It ends with 0 when there is nothing to do, and when a later release has migrated the
 * schema and left it usable; with 1 and one line on standard error if it failed. A signal ends it at once, as a
 * failure: what a migration has not committed is undone.
 */
export async function runMigrateCommand({ service, readEnvironment, schema }: MigrateCommand): Promise<void> {
  // As the first process of a container it would ignore a signal that it does not listen to.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(EXIT_CODES[signal]));
  try {
    await prepareDatabase(readEnvironment(), schema, (line) => void process.stdout.write(`${service}: ${line}\n`));
    process.stdout.write(`${service}: the schema ${schema.schema} is up to date\n`);
  } catch (error) {
    process.stderr.write(
      `${service} was not migrated: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`,
    );
    process.exitCode = 1;
  }
}

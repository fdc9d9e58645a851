import { setTimeout as pause } from 'node:timers/promises';
import { StartFault } from '@tollgate/app-process';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './database.js';
import { databaseFault } from './database-fault.js';
import { migrationsOf, type MigratedSchema, type MigrateOptions } from './migrate.js';
import { notedMigrations, refuseUnreadable, type NotedMigration } from './schema-reach.js';
import { checkLogin } from './schema-rights.js';
import { rolesOf } from './service-roles.js';

/** How often the database is looked at. */
const LOOK_MS = 1_000;
/** How often a line says that it still waits. */
const TELL_MS = 10_000;

/**
 * Resolves once a schema is at least that of this release, and its service may use it. Until then it waits: for the
 * server, the database, the roles and the migrations, which another process brings (a job, or a service that migrates).
 * A wrong password looks like a role that is not there yet; the lines of `tell` give the server's own words.
 * @throws {StartFault} in one line, if a later release has made the schema unusable for this one, or the login may not
 * act as the service: waiting would not mend that
 */
export async function waitForSchema(
  url: string,
  options: MigrateOptions,
  tell: (line: string) => void,
): Promise<MigratedSchema> {
  let toldAt = -Infinity;
  for (;;) {
    const found = await look(url, options);
    if (found.kind === 'ready') {
      if (options.serviceSchema !== undefined) await checkLogin(url, options.serviceSchema);
      return { schema: options.schema, newer: found.newer };
    }
    if (performance.now() - toldAt >= TELL_MS) {
      toldAt = performance.now();
      tell(
        `waiting until the schema ${options.schema} has been brought up to date by another process: ${found.reason}`,
      );
    }
    await pause(LOOK_MS);
  }
}

type Found =
  { readonly kind: 'ready'; readonly newer: readonly string[] } | { readonly kind: 'waiting'; readonly reason: string };

async function look(url: string, options: MigrateOptions): Promise<Found> {
  const ours = migrationsOf(options);
  let noted: readonly NotedMigration[];
  try {
    noted = await notedAsService(url, options);
  } catch (error) {
    const fault = databaseFault(url, error, 'PostgreSQL cannot be used yet');
    if (!(fault instanceof StartFault)) throw error;
    return { kind: 'waiting', reason: fault.message };
  }
  const newer = refuseUnreadable(url, options.schema, noted, ours);
  const missing = ours.filter(({ name }) => !noted.some((each) => each.name === name && each.readableFrom !== null));
  if (missing.length === 0) return { kind: 'ready', newer };
  return { kind: 'waiting', reason: `${missing.length} of ${ours.length} migrations have not run` };
}

/** The migrations that have run, as the service may see them: its login may have the right by its role alone. */
async function notedAsService(url: string, { schema, serviceSchema }: MigrateOptions): Promise<NotedMigration[]> {
  const dataSource = new DataSource(dataSourceOptions(url, `wait for ${schema}`, 1));
  try {
    await dataSource.initialize();
    return await dataSource.transaction(async (manager) => {
      if (serviceSchema !== undefined)
        await manager.query(`SELECT set_config('role', $1, true)`, [rolesOf(serviceSchema).service]);
      return notedMigrations(manager, schema);
    });
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

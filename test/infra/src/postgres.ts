import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { findProgram, namesIn, runCommand } from './commands.js';
import { canInstallPackages, installPackage } from './debian.js';
import { tempFolderForOtherUser } from './folders.js';
import { startProcess } from './processes.js';
import {
  chooseInstallation,
  givenServer,
  startServer,
  untilGivenServerAnswers,
  type Installation,
  type ServerControls,
} from './server.js';

export interface PostgresServer extends ServerControls {
  /** Connection URL of the maintenance database `postgres`, or of the one given by DATABASE_URL. */
  url: string;
  /** Makes an empty database and returns its URL. Given servers get it dropped again by `stop`. */
  createDatabase(): Promise<string>;
}

export interface PostgresOptions {
  /**
   * Survives a crash of the machine, at the cost of an fsync per commit. Default false. A SIGKILL of the server is
   * survived either way.
   */
  durable?: boolean;
}

/** PostgreSQL: at DATABASE_URL where that is set, else in Docker, else installed here (Debian's packages as root). */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL'];
  if (given) return givenPostgres(given);
  const settings = serverSettings(options);
  const installation = await chooseInstallation(
    (port) => ({
      name: 'PostgreSQL',
      image: 'postgres:15',
      innerPort: 5432,
      port,
      args: settings,
      env: { POSTGRES_USER: 'tollgate', POSTGRES_HOST_AUTH_METHOD: 'trust' },
    }),
    () => installedPostgres(settings),
  );
  const urlAt = (port: number) => `postgres://tollgate@127.0.0.1:${port}/postgres`;
  const server = await startServer({
    name: 'PostgreSQL',
    installation,
    answers: (port) => postgresAnswers(urlAt(port)),
    readyWithinMs: 60_000,
    stopGraceMs: 5_000,
  });
  const url = urlAt(server.port);
  return { ...server, url, createDatabase: () => createDatabase(url) };
}

/** Makes an empty database with a name of its own on the server at `serverUrl` and returns its URL. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `${databasePrefix()}${randomBytes(6).toString('hex')}`;
  await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * The URL by which a service's role logs in. The roles of a server are made by whoever migrates first, with this
 * password; a server of the tests trusts everybody.
 */
export function asRole(databaseUrl: string, role: string): string {
  const url = new URL(databaseUrl);
  [url.username, url.password] = [role, `password-of-${role}`];
  return url.href;
}

/** One prefix for a test run and the processes it starts, so that its end can drop what they made on a given server. */
function databasePrefix(): string {
  process.env['TOLLGATE_TEST_RUN'] ??= randomBytes(4).toString('hex');
  return `tollgate_test_${process.env['TOLLGATE_TEST_RUN']}_`;
}

async function givenPostgres(url: string): Promise<PostgresServer> {
  const prefix = databasePrefix();
  await untilGivenServerAnswers('PostgreSQL', 'DATABASE_URL', () => postgresAnswers(url));
  const dropDatabases = () =>
    withClient(url, async (client) => {
      const found = await client.query<{ datname: string }>(
        'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
        [prefix],
      );
      for (const { datname } of found.rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
    });
  return {
    ...givenServer('PostgreSQL', 'DATABASE_URL', dropDatabases),
    url,
    createDatabase: () => createDatabase(url),
  };
}

async function installedPostgres(settings: readonly string[]): Promise<Installation> {
  const programs = await postgresPrograms();
  const user = await serverUser();
  const folder = tempFolderForOtherUser('tollgate-postgres');
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const made = await runCommand(
    programs.initdb,
    ['-D', data, '-U', 'tollgate', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { cwd: folder, ...user },
  );
  if (!made.ok) throw new Error(`initdb failed:\n${made.output}`);
  return {
    launch: (port) =>
      startProcess({
        name: 'PostgreSQL',
        command: programs.postgres,
        cwd: folder,
        ...user,
        args: [
          '-D',
          data,
          '-p',
          String(port),
          '-c',
          'listen_addresses=127.0.0.1',
          '-c',
          'unix_socket_directories=',
          ...settings,
        ],
        // SIGTERM would wait for the last client to go; SIGINT ends them.
        stopSignal: 'SIGINT',
      }),
    tryAgain: (output) => /pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(output),
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function serverSettings({ durable = false }: PostgresOptions): string[] {
  const careless = durable ? [] : ['fsync=off', 'full_page_writes=off'];
  return ['max_connections=300', ...careless].flatMap((setting) => ['-c', setting]);
}

async function postgresPrograms(): Promise<{ postgres: string; initdb: string }> {
  const found = findPostgres();
  if (found) return found;
  if (canInstallPackages()) {
    await installPackage('postgresql');
    const installed = findPostgres();
    if (installed) return installed;
  }
  throw new Error(
    'PostgreSQL is missing. Install it (Debian: apt-get install postgresql), or start Docker, or set DATABASE_URL.',
  );
}

/** Debian keeps the server's programs off PATH, in a folder for each version; the newest wins. */
function findPostgres(): { postgres: string; initdb: string } | undefined {
  const versions = namesIn('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  const folders = versions.map((version) => `/usr/lib/postgresql/${version}/bin`);
  const postgres = findProgram('postgres', folders);
  const initdb = findProgram('initdb', folders);
  return postgres && initdb ? { postgres, initdb } : undefined;
}

/** PostgreSQL refuses to run as root, so root runs it as the package's user. */
export async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map((option) => runCommand('id', [option, 'postgres'])));
  if (!uid!.ok || !gid!.ok)
    throw new Error(
      'PostgreSQL refuses to run as root and there is no user "postgres". Run the tests as another user, or add that one: useradd --system postgres',
    );
  return { uid: Number(uid!.output), gid: Number(gid!.output) };
}

async function postgresAnswers(url: string): Promise<boolean> {
  await withClient(url, (client) => client.query('SELECT 1'));
  return true;
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

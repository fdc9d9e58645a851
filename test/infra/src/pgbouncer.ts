import { rmSync, writeFileSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { findProgram } from './commands.js';
import { canInstallPackages, installPackage } from './debian.js';
import { tempFolderForOtherUser } from './folders.js';
import { freePort } from './ports.js';
import { asRole, serverUser } from './postgres.js';
import { startProcess } from './processes.js';
import { waitUntil } from './wait-until.js';

/** A pooler in front of a PostgreSQL of the tests. */
export interface PgBouncer {
  /** The same URL, through the pooler. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

/** Who may come in beside the user of the server's URL, and further lines of `pgbouncer.ini`. */
export interface PgBouncerOptions {
  readonly roles: readonly string[];
  readonly settings?: readonly string[];
}

/**
 * PgBouncer in transaction mode: a session of the server serves one transaction of a client, and then another client's.
 * It has two of them for each role and database, so that clients do meet. It asks for no password itself,
 * and gives PostgreSQL those of the URL and of `asRole`.
 */
export async function startPgBouncer(
  serverUrl: string,
  { roles, settings = [] }: PgBouncerOptions,
): Promise<PgBouncer> {
  const command = await pgBouncerProgram();
  const user = await serverUser();
  const folder = tempFolderForOtherUser('tollgate-pgbouncer');
  const port = await freePort();
  const server = new URL(serverUrl);
  const users = [server, ...roles.map((role) => new URL(asRole(serverUrl, role)))];
  writeFileSync(
    join(folder, 'users.txt'),
    users.map(({ username, password }) => `"${username}" "${decodeURIComponent(password)}"\n`).join(''),
  );
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    [
      '[databases]',
      `* = host=${server.hostname} port=${server.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${join(folder, 'users.txt')}`,
      'pool_mode = transaction',
      'default_pool_size = 2',
      'max_client_conn = 100',
      ...settings,
      '',
    ].join('\n'),
  );
  if (user) await chown(folder, user.uid, user.gid);
  const running = await startProcess({
    name: 'PgBouncer',
    command,
    args: [join(folder, 'pgbouncer.ini')],
    cwd: folder,
    ...user,
    stopSignal: 'SIGINT',
  });
  const through = (databaseUrl: string): string => {
    const url = new URL(databaseUrl);
    [url.hostname, url.port] = ['127.0.0.1', String(port)];
    return url.href;
  };
  await waitUntil(() => answers(through(serverUrl)), { what: 'PgBouncer to answer' });
  return {
    through,
    stop: async () => {
      await running.stop(2_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function pgBouncerProgram(): Promise<string> {
  const found = findProgram('pgbouncer', ['/usr/sbin']);
  if (found) return found;
  if (canInstallPackages()) {
    await installPackage('pgbouncer');
    const installed = findProgram('pgbouncer', ['/usr/sbin']);
    if (installed) return installed;
  }
  throw new Error('PgBouncer is missing. Install it (Debian: apt-get install pgbouncer).');
}

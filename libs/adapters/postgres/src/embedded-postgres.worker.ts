import { mkdir } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { EmbeddedPostgresReply, EmbeddedPostgresStart } from './embedded-postgres.js';

// Node also runs the source of this file and strips its types: use erasable syntax only, and relative imports only of
// types.
const { dataFolder, socketPath } = workerData as EmbeddedPostgresStart;
if (parentPort === null) throw new Error('this file runs in a worker thread');
const port = parentPort;
const say = (message: EmbeddedPostgresReply) => port.postMessage(message);

/** WebAssembly reports errors of the file system as numbers only, those of WASI. */
const FILE_SYSTEM_CODES: Readonly<Record<number, string>> = {
  2: 'EACCES',
  19: 'EDQUOT',
  51: 'ENOSPC',
  63: 'EPERM',
  69: 'EROFS',
};

function failure(error: unknown): { reason: string; code?: string } {
  const { message, code, errno } = error as { message?: unknown; code?: unknown; errno?: unknown };
  const known = typeof code === 'string' ? code : FILE_SYSTEM_CODES[Number(errno)];
  const reason = typeof message === 'string' && message !== '' ? message : (known ?? `error ${String(errno ?? error)}`);
  return { reason, ...(known !== undefined && { code: known }) };
}

try {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const database = await PGlite.create({ dataDir: dataFolder });
  // At the start connections follow each other quickly (migrations, then the pool), and the server takes a moment to
  // release one that has ended. Queries run one at a time whatever this number is.
  const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: 4 });
  await server.start();
  const close = async (): Promise<void> => {
    await server.stop();
    await database.close();
    say({ kind: 'closed' });
  };
  // A rejection ends the worker, and its owner receives the error event.
  port.on('message', () => void close());
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'failed', ...failure(error) });
}

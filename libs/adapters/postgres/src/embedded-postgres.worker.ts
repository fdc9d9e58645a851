import { mkdir } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { EmbeddedPostgresReply, EmbeddedPostgresStart } from './embedded-postgres.js';

// The source of this file also runs as it is (Node strips the types): erasable syntax only, no relative
// import but of types.
const { dataFolder, socketPath } = workerData as EmbeddedPostgresStart;
const port = parentPort!;
const say = (message: EmbeddedPostgresReply) => port.postMessage(message);

/** Errors of the file system come out of WebAssembly as bare numbers, those of WASI. */
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
  // Connections follow each other quickly at the start (migrations, then the pool) and one that ends takes
  // a moment to be forgotten; queries are answered one at a time whatever this number.
  const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: 4 });
  await server.start();
  const close = async (): Promise<void> => {
    await server.stop();
    await database.close();
    say({ kind: 'closed' });
  };
  // An error ends the worker, which its owner hears of.
  port.on('message', () => void close());
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'failed', ...failure(error) });
}

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StartFault } from '@tollgate/app-process';
import { singleSessionUrl } from './database.js';
import { makeSocketFolder } from './socket-folder.js';

/** A running embedded Postgres. */
export interface EmbeddedPostgres {
  /** For `migrate` and `openDatabase`; one connection at a time. */
  readonly url: string;
  close(): Promise<void>;
}

/** The data for the worker, and its replies. */
export interface EmbeddedPostgresStart {
  readonly dataFolder: string;
  readonly socketPath: string;
}
/** A message of the worker thread that runs the embedded database. */
export type EmbeddedPostgresReply =
  | { readonly kind: 'ready' | 'closed' }
  /** `code` is the error code of the file system, such as ENOSPC or EROFS, if that has failed. */
  | { readonly kind: 'failed'; readonly reason: string; readonly code?: string };

/**
 * Starts PGlite on a data folder, in a worker thread behind a unix socket that only this user can open. PGlite does not
 * lock its folder: the caller makes sure that no other process uses it. The first start takes 3–5 s, later ones under
 * 1 s. `onFailure` is called if it dies later on; nothing that needs the database works then.
 */
export async function startEmbeddedPostgres(
  dataFolder: string,
  onFailure: (error: Error) => void = () => undefined,
): Promise<EmbeddedPostgres> {
  const socketFolder = await makeSocketFolder(dataFolder).catch((error: Error) => {
    if (error instanceof StartFault) throw error;
    throw Object.assign(new Error(`the embedded Postgres did not start: ${error.message}`, { cause: error }), {
      code: (error as NodeJS.ErrnoException).code,
    });
  });
  const start: EmbeddedPostgresStart = { dataFolder, socketPath: socketFolder.socketPath };
  // The worker has the same extension as this file: .js in production, .ts if the source runs directly.
  const entry = new URL(`./embedded-postgres.worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(entry, { workerData: start, execArgv: [] });
  let closing = false;
  worker.on('error', (error) => {
    if (!closing) onFailure(error as Error);
  });
  try {
    await reply(worker, 'ready');
  } catch (error) {
    closing = true;
    await worker.terminate();
    await socketFolder.remove();
    throw error;
  }
  return {
    url: singleSessionUrl(socketFolder.path),
    close: async () => {
      if (closing) return;
      closing = true;
      const closed = reply(worker, 'closed');
      worker.postMessage('close');
      await closed.finally(() => worker.terminate());
      await socketFolder.remove();
    },
  };
}

function reply(worker: Worker, expected: 'ready' | 'closed'): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown, code?: string) =>
      reject(
        Object.assign(new Error(`the embedded Postgres ${reason}`, { cause }), code === undefined ? {} : { code }),
      );
    worker.on('message', (message: EmbeddedPostgresReply) => {
      if (message.kind === expected) resolve();
      else if (message.kind === 'failed') fail(`did not start: ${message.reason}`, undefined, message.code);
    });
    worker.once('error', (error) => fail('died', error));
    worker.once('exit', (code) => fail(`exited with code ${code}`));
  });
}

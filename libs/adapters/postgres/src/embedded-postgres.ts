import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StartFault } from '@tollgate/app-process';
import { singleSessionUrl } from './database.js';
import { makeSocketFolder } from './socket-folder.js';

export interface EmbeddedPostgres {
  /** For `migrate` and `openDatabase`; one connection at a time. */
  readonly url: string;
  close(): Promise<void>;
}

/** What the worker is told, and what it answers. */
export interface EmbeddedPostgresStart {
  readonly dataFolder: string;
  readonly socketPath: string;
}
export type EmbeddedPostgresReply =
  | { readonly kind: 'ready' | 'closed' }
  /** `code` is that of the file system, where it has failed: ENOSPC, EROFS. */
  | { readonly kind: 'failed'; readonly reason: string; readonly code?: string };

/**
 * Starts PGlite on a data folder, in a worker thread behind a unix socket that only this user may enter.
 * It has no lock on its folder: the caller makes sure that no other process uses it. The first start takes
 * 3–5 s, later ones under one. `onFailure` hears when it dies later on: nothing in this process works then.
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
  // The same ending as this file's: compiled in production, TypeScript where the source runs directly.
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

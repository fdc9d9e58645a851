import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { folderFault } from '@tollgate/app-process';
import { makeFolder } from '@tollgate/folder-lock';

const SOCKET = '.s.PGSQL.5432';
const PREFIX = 'tollgate-';
/** As mkdtemp names it. */
const OURS = /^tollgate-[0-9A-Za-z]{6}$/;

export interface SocketFolder {
  readonly path: string;
  /** Of the socket in it, which is not made here. */
  readonly socketPath: string;
  remove(): Promise<void>;
}

/**
 * A folder that only this user may enter, for the socket of the Postgres on `dataFolder`. Not under it: a socket's path
 * may have about 100 characters only. A note beside the data folder names it, so that the next start removes what a
 * killed process has left. The caller makes sure that no other process uses the data folder.
 */
export async function makeSocketFolder(dataFolder: string): Promise<SocketFolder> {
  const note = `${dataFolder}.socket-folder`;
  makeFolder(dirname(note));
  await removeLeftover(note);
  const path = await mkdtemp(join(tmpdir(), PREFIX)).catch((error: unknown) =>
    Promise.reject(folderFault('TMPDIR', tmpdir(), error)),
  );
  await writeFile(note, path, { mode: 0o600 });
  return {
    path,
    socketPath: join(path, SOCKET),
    remove: async () => {
      await removeFolder(path);
      await rm(note, { force: true });
    },
  };
}

async function removeLeftover(note: string): Promise<void> {
  const path = await readFile(note, 'utf8').catch(() => '');
  if (isAbsolute(path) && OURS.test(basename(path))) await removeFolder(path);
}

/**
 * Removes nothing but a socket and a folder that is empty without it: the note may be older than what is there now.
 * Never rejects.
 */
async function removeFolder(path: string): Promise<void> {
  await rm(join(path, SOCKET), { force: true }).catch(() => undefined);
  await rmdir(path).catch(() => undefined);
}

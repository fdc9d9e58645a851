import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { folderFault } from '@tollgate/app-process';
import { makeFolder } from '@tollgate/folder-lock';

const SOCKET = '.s.PGSQL.5432';
const PREFIX = 'tollgate-';
/** The names that mkdtemp gives with this prefix. */
const OURS = /^tollgate-[0-9A-Za-z]{6}$/;

/** A folder for the socket of one embedded Postgres. */
export interface SocketFolder {
  readonly path: string;
  /** The path of the socket in it, which the server creates. */
  readonly socketPath: string;
  remove(): Promise<void>;
}

/**
 * Makes a folder that only this user may enter, for the socket of the Postgres on `dataFolder`. It is not inside the
 * data folder, because the path of a socket may have only about 100 characters. A file beside the data folder names it,
 * so that the next start removes the folder of a killed process. The caller makes sure that no other process uses the
 * data folder.
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
 * Removes only a socket, and the folder if it is empty then: the folder may since belong to something else.
 * Never rejects.
 */
async function removeFolder(path: string): Promise<void> {
  await rm(join(path, SOCKET), { force: true }).catch(() => undefined);
  await rmdir(path).catch(() => undefined);
}

import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { folderFault, reasonOf, StartFault } from '@tollgate/app-process';
import { syncFolder, tryWriting } from '@tollgate/folder-lock';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tollgate/postgres';
import { freeMib, roomForDatabase } from './data-folder.js';
import { isDatabase } from './instance-folder.js';

/** With less free space than this, errors mention it: Postgres may fail on a full disk without saying why. */
const FREE_MIB_TOLD = 64;

/**
 * Opens the database in `folder`, and makes it first if there is none. `onDied` is called if it dies later.
 * @throws {StartFault} if it cannot be made or opened
 */
export async function openEmbeddedDatabase(folder: string, onDied: (error: Error) => void): Promise<EmbeddedPostgres> {
  if (!isDatabase(folder)) await makeDatabase(folder, makePostgres);
  try {
    return await startEmbeddedPostgres(folder, onDied);
  } catch (error) {
    throw databaseFault(folder, 'cannot be opened as a database; put it back from a backup if it is damaged', error);
  }
}

/**
 * Makes a database in a temporary folder beside `folder`, and renames it once it is complete, so that `folder` never
 * has an incomplete one. The remains of a start that was killed are deleted, since no data can be in them.
 */
export async function makeDatabase(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  roomForDatabase(folder);
  try {
    await make(unfinished);
    renameSync(unfinished, folder);
    syncFolder(dirname(folder));
  } catch (error) {
    throw databaseFault(folder, 'could not be made', error);
  }
}

async function makePostgres(folder: string): Promise<void> {
  await (await startEmbeddedPostgres(folder)).close();
}

/** Builds the error of a start. It tries a write first: Postgres does not always say that the disk is full. */
function databaseFault(folder: string, problem: string, error: unknown): unknown {
  const parent = dirname(folder);
  const fault = folderFault('TOLLGATE_DATA', folder, diskFaultOf(parent) ?? error);
  if (fault instanceof StartFault) return fault;
  const free = freeMib(parent);
  const room = free < FREE_MIB_TOLD ? `; only ${free} MiB are free on its disk` : '';
  return new StartFault('TOLLGATE_DATA', `${folder} ${problem}: ${reasonOf(error)}${room}`, error);
}

function diskFaultOf(folder: string): unknown {
  try {
    tryWriting(folder);
    return null;
  } catch (error) {
    return error;
  }
}

import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { folderFault, reasonOf, StartFault } from '@tollgate/app-process';
import { syncFolder, tryWriting } from '@tollgate/folder-lock';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tollgate/postgres';
import { freeMib, roomForDatabase } from './data-folder.js';
import { isDatabase } from './instance-folder.js';

/** With less than this free Postgres may fail in ways that do not say why. */
const FREE_MIB_TOLD = 64;

/**
 * Opens the database in `folder`, or makes it where there is none. `onDied` hears when it dies later on.
 * @throws {StartFault} in one line, where it cannot be made, or what is there cannot be opened
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
 * Makes a database beside the place where it belongs and moves it there when it is whole, so that one that is found
 * there always is. What a start that was killed left of one is thrown away: nobody has used it.
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

/** Postgres ends in many ways on a disk that is full, and does not always say why. */
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

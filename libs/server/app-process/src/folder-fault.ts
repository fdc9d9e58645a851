import { FolderLockedError, makeFolder, StrangeLockError } from '@tollgate/folder-lock';
import { codeOf, reasonOf, StartFault } from './start-fault.js';

const PROBLEMS: Readonly<Record<string, (folder: string) => string>> = {
  ENOSPC: (folder) => `no space is left on the disk of ${folder}; make room, or name another folder`,
  EDQUOT: (folder) => `the disk quota for ${folder} is used up; raise it, or name another folder`,
  EROFS: (folder) =>
    `${folder} is on a read-only file system; mount it so that it can be written to, or name another folder`,
  EACCES: (folder) => `this user may not write to ${folder}; change its owner, or name another folder`,
  EPERM: (folder) => `this user may not write to ${folder}; change its owner, or name another folder`,
  EEXIST: (folder) => `${folder} is, or is under, a file; name a folder`,
  ENOTDIR: (folder) => `${folder} is, or is under, a file; name a folder`,
  ENOENT: (folder) => `${folder} cannot be made there; name another folder`,
  ELOOP: (folder) => `${folder} leads through a circle of symbolic links; name another folder`,
  ENAMETOOLONG: () => 'the name of the folder is too long; name another one',
};

/**
 * Turns an error about the folder that `variable` names into a start fault of one line. An error that does not come
 * from the file system is returned unchanged.
 */
export function folderFault(variable: string, folder: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof FolderLockedError || error instanceof StrangeLockError)
    return new StartFault(variable, error.message, error);
  if (error instanceof StartFault || code === undefined) return error;
  const isOfFileSystem =
    Object.hasOwn(PROBLEMS, code) ||
    (error as NodeJS.ErrnoException).syscall !== undefined ||
    code === 'ERR_SQLITE_ERROR';
  if (!isOfFileSystem) return error;
  const problem = PROBLEMS[code]?.(folder) ?? `${folder} cannot be written to: ${reasonOf(error)}`;
  return new StartFault(variable, problem, error);
}

/**
 * Runs work on the folder that `variable` names.
 * @throws {StartFault} in one line, if the folder cannot be used for it
 */
export function inFolder<T>(variable: string, folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw folderFault(variable, folder, error);
  }
}

/**
 * Creates the folder that `variable` names if it is missing, for its owner only.
 * @throws {StartFault} if it cannot be created
 */
export function makeNamedFolder(variable: string, folder: string): void {
  inFolder(variable, folder, () => makeFolder(folder));
}

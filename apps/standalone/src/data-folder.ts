import { FolderLockedError, lockFolder } from '@tollgate/folder-lock';
import { codeOf, reasonOf, StartFault } from './start-fault.js';

/**
 * Takes the data folder for this process.
 * @throws {FolderLockedError} while another process has it
 * @throws {StartFault} where it cannot be one
 */
export function takeDataFolder(folder: string): { release(): void } {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (error instanceof FolderLockedError) throw error;
    const noFolder = ['EEXIST', 'ENOTDIR'].includes(codeOf(error) ?? '');
    throw new StartFault('TOLLGATE_DATA', noFolder ? `${folder} is, or is under, a file; name a folder` : `${folder} cannot be written to: ${reasonOf(error)}`, error);
  }
}

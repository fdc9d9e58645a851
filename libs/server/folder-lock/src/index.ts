export { hasRoom, tryWriting } from './disk-room.js';
export {
  FolderLockedError,
  lockFolder,
  lookAtFolder,
  REMOVED,
  StrangeLockError,
  type FolderLock,
  type LeftFolder,
} from './lock-folder.js';
export { isFolder, makeFolder } from './make-folder.js';
export { replaceFile, syncFolder } from './replace-file.js';

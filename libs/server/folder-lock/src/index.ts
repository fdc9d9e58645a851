export { hasRoom, tryWriting } from './disk-room.js';
export { FolderLockedError, lockFolder, StrangeLockError } from './lock-folder.js';
export { makeFolder } from './make-folder.js';
export { replaceFile, syncFolder } from './replace-file.js';

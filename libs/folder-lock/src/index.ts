export { hasRoom, tryWriting } from './disk-room.js';
export { FolderLockedError, lockFolder } from './lock-folder.js';
export { makeFolder } from './make-folder.js';

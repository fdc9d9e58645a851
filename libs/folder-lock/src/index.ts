export { FolderLockedError, lockFolder } from './lock-folder.js';

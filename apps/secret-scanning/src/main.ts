import { stopRequest } from '@tollgate/app-process/stop-request';

// The first process of a container ignores a signal that it has no handler for, and to load the rest takes a while.
stopRequest();
await import('./secret-scanning-process.js');

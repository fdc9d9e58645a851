import { Global, Module } from '@nestjs/common';
import { SESSION_DIRECTORY } from '@tollgate/auth';
import { KeyStoreModule } from '../store/store.module.js';
import { Sessions } from './sessions.js';

/** Sessions, and the directory by which guards of all services in this process find the person of a session. */
@Global()
@Module({
  imports: [KeyStoreModule],
  providers: [Sessions, { provide: SESSION_DIRECTORY, useExisting: Sessions }],
  exports: [Sessions, SESSION_DIRECTORY],
})
export class SessionsModule {}

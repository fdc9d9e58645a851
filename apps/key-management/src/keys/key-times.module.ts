import { Module } from '@nestjs/common';
import { MailsModule } from '../sign-in/mails/mails.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { EndSecrets } from './end-secrets/end-secrets.js';
import { KeyNotices } from './key-notices/key-notices.js';
import { KeyTimes } from './key-times.js';

/** `KeyTimes` with its parts. */
@Module({
  imports: [KeyStoreModule, MailsModule],
  providers: [EndSecrets, KeyNotices, KeyTimes],
  exports: [KeyTimes],
})
export class KeyTimesModule {}

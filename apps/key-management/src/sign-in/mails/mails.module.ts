import { Module } from '@nestjs/common';
import { KeyStoreModule } from '../../store/store.module.js';
import { MailOutbox } from './mail-outbox.js';

/** Mails to people, for whoever has something to tell them. */
@Module({ imports: [KeyStoreModule], providers: [MailOutbox], exports: [MailOutbox] })
export class MailsModule {}

import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { DEFAULT_ORGANIZATION_ID } from '@tollgate/contracts';
import { ForgetAnswers } from '../idempotency/forget-answers.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { MailOutbox } from '../sign-in/mails/mail-outbox.js';
import { Members } from '../store/members.js';
import { Heartbeat } from './heartbeat.js';
import { KeyRelay } from './key-relay.js';

/** Starts the background work with the application, and stops it at the end. */
@Injectable()
export class KeyLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly members: Members,
    private readonly relay: KeyRelay,
    private readonly heartbeat: Heartbeat,
    private readonly mails: MailOutbox,
    private readonly forgetAnswers: ForgetAnswers,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.members.ensureOwner(DEFAULT_ORGANIZATION_ID, this.settings.initOwnerEmail);
  }

  onApplicationBootstrap(): void {
    this.relay.start();
    this.heartbeat.start();
    this.mails.start();
    this.forgetAnswers.start();
  }

  /** Stops the relay only after the listener has drained, since a revoke in flight waits for the relay. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.forgetAnswers.stop(), this.heartbeat.stop(), this.mails.stop(), this.relay.stop()]);
  }
}

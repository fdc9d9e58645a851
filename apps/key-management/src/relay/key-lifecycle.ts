import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyTimes } from '../keys/key-times.js';
import { FirstOwner } from '../sign-in/first-owner.js';
import { MailOutbox } from '../sign-in/mails/mail-outbox.js';
import { PasswordResets } from '../sign-in/password-resets/password-resets.js';
import { publicUrlWarning } from '../sign-in/public-url-warning.js';
import { Heartbeat } from './heartbeat.js';
import { KeyRelay } from './key-relay.js';

/** Starts the background work with the application, and stops it at the end. */
@Injectable()
export class KeyLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly firstOwner: FirstOwner,
    private readonly relay: KeyRelay,
    private readonly heartbeat: Heartbeat,
    private readonly mails: MailOutbox,
    private readonly resets: PasswordResets,
    private readonly keyTimes: KeyTimes,
    @Inject(ADMIN_API_SETTINGS) private readonly settings: Pick<AdminApiSettings, 'publicUrl'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    const { kind } = await this.firstOwner.ensure();
    if (kind === 'waits')
      this.logger.info('no owner has signed in yet; the command "npm run owner-link" prints a link for it');
  }

  onApplicationBootstrap(): void {
    const warning = publicUrlWarning(this.settings.publicUrl);
    if (warning !== null) this.logger.warn(warning);
    this.relay.start();
    this.heartbeat.start();
    this.mails.start();
    this.resets.start();
    this.keyTimes.start();
  }

  /** Stops the relay only after the listener has drained, since a revoke in flight waits for the relay. */
  async onApplicationShutdown(): Promise<void> {
    const works = [this.heartbeat, this.keyTimes, this.mails, this.resets, this.relay];
    await Promise.all(works.map((work) => work.stop()));
  }
}

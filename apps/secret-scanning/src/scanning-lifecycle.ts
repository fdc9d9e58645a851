import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LeakRelay } from './escalate/leak-relay.js';
import { UnansweredFindings } from './escalate/unanswered-findings.js';
import { MailRun } from './owner-mail/mail-run.js';

/** Starts the background work (relay, mails, search for findings) with the application, and stops it at the end. */
@Injectable()
export class ScanningLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly relay: LeakRelay,
    private readonly mailRun: MailRun,
    private readonly unanswered: UnansweredFindings,
  ) {}

  onApplicationBootstrap(): void {
    this.relay.start();
    this.mailRun.start();
    this.unanswered.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.unanswered.stop(), this.mailRun.stop(), this.relay.stop()]);
  }
}

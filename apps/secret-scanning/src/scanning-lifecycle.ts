import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LeakRelay } from './escalate/leak-relay.js';
import { UnansweredFindings } from './escalate/unanswered-findings.js';
import { MailRun } from './owner-mail/mail-run.js';

/** What runs beside the requests, from the start of the application to its end. It all stops at the same time. */
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

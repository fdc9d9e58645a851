import { Inject, Injectable } from '@nestjs/common';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { LeakStore } from '../store/leak-store.js';
import { LeakRelay } from './leak-relay.js';

const SEARCH_MS = 10_000;
/** A report is answered within this (GitHub waits no longer); what is unresolved after it has lost its process. */
const UNANSWERED_AFTER_MS = 30_000;
const FORGOTTEN_AFTER_MS = 86_400_000;

/** Finds what a process received and did not live to have revoked, and gives it to the bus. */
@Injectable()
export class UnansweredFindings {
  private readonly searches = new Periodic(() => this.escalate(new Date()), { everyMs: SEARCH_MS });

  constructor(
    private readonly leaks: LeakStore,
    private readonly relay: LeakRelay,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.searches.start();
  }

  async stop(): Promise<void> {
    await this.searches.stop();
  }

  /** Never rejects. */
  private async escalate(now: Date): Promise<void> {
    try {
      const escalated = await this.leaks.escalateReceivedBefore(new Date(now.getTime() - UNANSWERED_AFTER_MS), now);
      if (escalated > 0) {
        this.logger.warn({ secrets: escalated }, 'reported secrets were left unanswered; the bus carries them');
        this.relay.wake();
      }
      await this.leaks.forgetReceivedBefore(new Date(now.getTime() - FORGOTTEN_AFTER_MS));
    } catch (err) {
      this.logger.warn({ err }, 'unanswered findings cannot be looked up');
    }
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { LeakStore } from '../store/leak-store.js';
import { LeakRelay } from './leak-relay.js';

const SEARCH_MS = 10_000;
/** GitHub waits no longer for an answer. A finding that is unresolved after this belongs to a process that died. */
const UNANSWERED_AFTER_MS = 30_000;
const FORGOTTEN_AFTER_MS = 86_400_000;

/** Finds secrets whose process died after it had received them and before they were revoked, and escalates them. */
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

  /** Escalates unresolved findings, and deletes those that are older than a day. Never rejects. */
  private async escalate(now: Date): Promise<void> {
    try {
      const escalated = await this.leaks.escalateReceivedBefore(new Date(now.getTime() - UNANSWERED_AFTER_MS), now);
      if (escalated > 0) {
        this.logger.warn(
          { secrets: escalated },
          'reported secrets were left without an answer; they go to key-management over the bus',
        );
        this.relay.wake();
      }
      await this.leaks.forgetReceivedBefore(new Date(now.getTime() - FORGOTTEN_AFTER_MS));
    } catch (err) {
      this.logger.warn({ err }, 'unanswered findings cannot be looked up');
    }
  }
}

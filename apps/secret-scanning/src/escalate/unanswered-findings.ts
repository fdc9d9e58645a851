import { Periodic } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import type { LeakStore } from '../store/leak-store.js';

const LOOK_MS = 10_000;
/** A report is answered within this (GitHub waits no longer); what is unresolved after it has lost its process. */
const UNANSWERED_AFTER_MS = 30_000;
const FORGOTTEN_AFTER_MS = 86_400_000;

/** Finds what a process received and did not live to have revoked, and gives it to the bus. */
export class UnansweredFindings {
  private readonly looks = new Periodic(() => this.look(new Date()), { everyMs: LOOK_MS });

  constructor(
    private readonly leaks: Pick<LeakStore, 'escalateReceivedBefore' | 'forgetReceivedBefore'>,
    private readonly wakeRelay: () => void,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.looks.start();
  }

  async stop(): Promise<void> {
    await this.looks.stop();
  }

  /** Never rejects. */
  async look(now: Date): Promise<void> {
    try {
      const escalated = await this.leaks.escalateReceivedBefore(new Date(now.getTime() - UNANSWERED_AFTER_MS), now);
      if (escalated > 0) {
        this.logger.warn({ secrets: escalated }, 'reported secrets were left unanswered; the bus carries them');
        this.wakeRelay();
      }
      await this.leaks.forgetReceivedBefore(new Date(now.getTime() - FORGOTTEN_AFTER_MS));
    } catch (err) {
      this.logger.warn({ err }, 'unanswered findings cannot be looked up');
    }
  }
}

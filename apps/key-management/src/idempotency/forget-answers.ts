import { Inject, Injectable } from '@nestjs/common';
import { Periodic } from '@tollgate/periodic';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ANSWER_LIFE_MS } from './idempotency-records.js';

/** An answer counts no more after 24 hours; that its row goes some minutes later makes no difference. */
const EVERY_MS = 10 * 60_000;
/** So many rows are deleted in a moment, and on the embedded database nothing else runs in that moment. */
const ROWS_AT_ONCE = 1_000;

/** Deletes kept answers that are too old to be given again. Several processes may do it at once. */
@Injectable()
export class ForgetAnswers {
  private readonly periodic = new Periodic(() => this.run(), { everyMs: EVERY_MS, background: true });

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.periodic.start();
  }

  stop(): Promise<void> {
    return this.periodic.stop();
  }

  /** Deletes what is older than 24 hours at the time `now`; resolves with how many there were. */
  async forget(now: Date): Promise<number> {
    let forgotten = 0;
    for (let rows = ROWS_AT_ONCE; rows === ROWS_AT_ONCE; forgotten += rows) rows = await this.forgetSome(now);
    return forgotten;
  }

  /** Index: idempotency_record_by_age. */
  private forgetSome(now: Date): Promise<number> {
    return this.database.acrossOrganizations(async (manager) => {
      const [, count] = await manager.query<[unknown[], number]>(
        `DELETE FROM keys.idempotency_record WHERE (organization_id, scope) IN (
           SELECT organization_id, scope FROM keys.idempotency_record WHERE created_at <= $1 ORDER BY created_at LIMIT $2)`,
        [new Date(now.getTime() - ANSWER_LIFE_MS), ROWS_AT_ONCE],
      );
      return count;
    });
  }

  private async run(): Promise<void> {
    try {
      await this.forget(new Date());
    } catch (err) {
      this.logger.warn({ err }, 'answers that are no longer given again could not be deleted');
    }
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { IDEMPOTENCY_DATABASE, type IdempotencyDatabase } from './idempotency-database.js';
import { ANSWER_LIFE_MS } from './idempotency-records.js';

/** An answer counts no more after 24 hours; that its row goes some minutes later makes no difference. */
const EVERY_MS = 10 * 60_000;
/** So many rows are deleted in a moment, and on the embedded database nothing else runs in that moment. */
const ROWS_AT_ONCE = 1_000;

const forgetSql = (schema: string): string => `DELETE FROM ${schema}.idempotency_record
  WHERE (organization_id, scope) IN (
    SELECT organization_id, scope FROM ${schema}.idempotency_record WHERE created_at <= $1 ORDER BY created_at LIMIT $2)`;

/** Deletes kept answers that are too old to be given again. Several processes may do it at once. */
@Injectable()
export class ForgetAnswers extends PeriodicService {
  private readonly statement: string;

  constructor(
    @Inject(IDEMPOTENCY_DATABASE)
    private readonly database: Pick<IdempotencyDatabase, 'acrossOrganizations' | 'schema'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
    this.statement = forgetSql(database.schema);
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
      const [, count] = await manager.query<[unknown[], number]>(this.statement, [
        new Date(now.getTime() - ANSWER_LIFE_MS),
        ROWS_AT_ONCE,
      ]);
      return count;
    });
  }

  protected override async work(): Promise<void> {
    try {
      await this.forget(new Date());
    } catch (err) {
      this.logger.warn({ err }, 'answers that are no longer given again could not be deleted');
    }
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../../ports.js';
import type { KeptSince } from '../query-usage/usage-parts.js';

const DAY_MS = 86_400_000;
/** The days that rows are kept, by default. Those of days and months are kept for good. */
const MINUTE_DAYS_DEFAULT = 14;
const HOUR_DAYS_DEFAULT = 400;
/** Rows are read only while they are this far from being deleted: a deletion may be early by the clock of a process. */
const MARGIN_MS = 3_600_000;

const EVERY_MS = 3_600_000;
/** Rows of one transaction, so that neither bookings nor revokes of the embedded database wait for it. */
const ROWS_MAX = 5_000;

/** The tables that lose old rows, and whether they are of minutes. */
const TABLES = {
  usage_minute: 'minute',
  refused_minute: 'minute',
  usage_quarter: 'hour',
  usage_hour: 'hour',
  usage_series: 'hour',
  refused_quarter: 'hour',
} as const;

/** Which rows of a table are old, as its index has them; days of series are kept for good. */
const isOld = (table: string): string =>
  table === 'usage_series'
    ? `minutes < 1440 AND at AT TIME ZONE 'UTC' < $1::timestamptz AT TIME ZONE 'UTC'`
    : 'at < $1';
const isFirst = (table: string): string => (table === 'usage_series' ? `at AT TIME ZONE 'UTC'` : 'at');

/** Deletes rows of minutes and of hours when they are old; two processes may do so at once. */
@Injectable()
export class UsageRetention extends PeriodicService {
  private readonly daysOf: Readonly<Record<'minute' | 'hour', number>>;

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(USAGE_BILLING_SETTINGS) { usageMinuteDays, usageHourDays }: UsageBillingSettings,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: 60_000, background: true });
    this.daysOf = { minute: usageMinuteDays ?? MINUTE_DAYS_DEFAULT, hour: usageHourDays ?? HOUR_DAYS_DEFAULT };
  }

  /** Since when each table has all of its rows. */
  keptSince(nowMs: number): KeptSince {
    const hours = nowMs - this.daysOf.hour * DAY_MS + MARGIN_MS;
    return { minute: nowMs - this.daysOf.minute * DAY_MS + MARGIN_MS, quarter: hours, hour: hours, six_hours: hours };
  }

  /** Deletes all rows that are too old at this time. Resolves with their number. */
  async delete(nowMs: number): Promise<number> {
    let deleted = 0;
    for (const [table, unit] of Object.entries(TABLES)) {
      const before = new Date(nowMs - this.daysOf[unit] * DAY_MS);
      for (let rows = ROWS_MAX; rows === ROWS_MAX; deleted += rows) {
        rows = await this.deletePage(table, before);
      }
    }
    return deleted;
  }

  /**
   * Indexes: usage_minute_by_time, usage_quarter_by_time, usage_hour_by_time, usage_series_by_time,
   * refused_minute_by_time, refused_quarter_by_time.
   */
  private async deletePage(table: string, before: Date): Promise<number> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ deleted: string }[]>(
        `WITH old AS (DELETE FROM billing.${table} WHERE ${isOld(table)} AND ctid = ANY(ARRAY(
           SELECT ctid FROM billing.${table} WHERE ${isOld(table)} ORDER BY ${isFirst(table)} LIMIT $2)) RETURNING 1)
         SELECT count(*) AS deleted FROM old`,
        [before, ROWS_MAX],
      ),
    );
    return Number(rows[0]?.deleted ?? 0);
  }

  protected override async work(): Promise<void> {
    try {
      const rows = await this.delete(Date.now());
      if (rows > 0) this.logger.info({ rows }, 'old rows of usage by minute and by hour were deleted');
    } catch (err) {
      this.logger.warn({ err }, 'old rows of usage could not be deleted; the next attempt follows in an hour');
    }
  }
}

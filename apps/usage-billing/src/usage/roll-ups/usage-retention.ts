import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
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

type KeptUnit = (typeof TABLES)[keyof typeof TABLES];

/** Index: usage_deleted_pk. */
const NOTE_DELETED = `INSERT INTO billing.usage_deleted AS known (unit, before) VALUES ($1, $2)
  ON CONFLICT (unit) DO UPDATE SET before = greatest(known.before, EXCLUDED.before)`;

const DELETED = `SELECT unit, before FROM billing.usage_deleted WHERE unit IN ('minute', 'hour')`;

/**
 * Deletes rows of minutes and of hours when they are old; two processes may do so at once. What was deleted is noted,
 * and stays unread where rows are to be kept for longer from now on.
 */
@Injectable()
export class UsageRetention extends PeriodicService implements OnModuleInit {
  private readonly daysOf: Readonly<Record<KeptUnit, number>>;
  /** Before when rows may be gone, in milliseconds since 1970: by this process, or by another one, an hour ago. */
  private readonly deletedBefore: Record<KeptUnit, number> = { minute: -Infinity, hour: -Infinity };

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(USAGE_BILLING_SETTINGS) { usageMinuteDays, usageHourDays }: UsageBillingSettings,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: 60_000, background: true });
    this.daysOf = { minute: usageMinuteDays ?? MINUTE_DAYS_DEFAULT, hour: usageHourDays ?? HOUR_DAYS_DEFAULT };
  }

  /** Usage is read only once it is known what is there. */
  async onModuleInit(): Promise<void> {
    await this.readDeleted();
  }

  /** Since when each table has all of its rows. */
  keptSince(nowMs: number): KeptSince {
    const since = (unit: KeptUnit): number =>
      Math.max(nowMs - this.daysOf[unit] * DAY_MS, this.deletedBefore[unit]) + MARGIN_MS;
    const hour = since('hour');
    return { minute: since('minute'), quarter: hour, hour, six_hours: hour };
  }

  /** Deletes all rows that are too old at this time. Resolves with their number. */
  async delete(nowMs: number): Promise<number> {
    let deleted = 0;
    for (const unit of ['minute', 'hour'] as const) await this.noteDeleted(unit, nowMs - this.daysOf[unit] * DAY_MS);
    await this.readDeleted();
    for (const [table, unit] of Object.entries(TABLES)) {
      const before = new Date(nowMs - this.daysOf[unit] * DAY_MS);
      for (let rows = ROWS_MAX; rows === ROWS_MAX; deleted += rows) {
        rows = await this.deletePage(table, before);
      }
    }
    return deleted;
  }

  /** Before the rows go, so that nobody reads what is half there. */
  private async noteDeleted(unit: KeptUnit, beforeMs: number): Promise<void> {
    await this.database.acrossOrganizations((manager) => manager.query(NOTE_DELETED, [unit, new Date(beforeMs)]));
  }

  private async readDeleted(): Promise<void> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ unit: KeptUnit; before: Date }[]>(DELETED),
    );
    for (const { unit, before } of rows) this.deletedBefore[unit] = before.getTime();
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

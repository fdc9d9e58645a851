import { Inject, Injectable } from '@nestjs/common';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../../ports.js';

/** The interval is short, so that events of unexpected months leave the default partition on the same day. */
const LOOK_EVERY_MS = 6 * 3_600_000;
/** Delay after a failure: long transactions of bookings may have held the lock. */
const RETRY_MS = 60_000;
/** Partitions are made for this many months ahead, so that failures do no harm for a quarter of a year. */
const MONTHS_AHEAD = 3;
/** The count of events in the default partition stops here, to stay cheap. */
const COUNTED_MAX = 10_000;

/** The state of the partitions, for the metrics. */
export interface MonthsState {
  /** Months after this one that have a partition, up to twelve. */
  readonly monthsAhead: number;
  /** Events in the default partition, up to 10,000. */
  readonly eventsWithoutMonth: number;
}

/**
 * Makes the monthly partitions of `billing.usage_event` in advance, and takes old ones away. Events of a month without
 * a partition stay in the default partition until it is made. Two instances may run at the same time, since the
 * database functions lock.
 */
@Injectable()
export class UsageEventMonths extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(USAGE_BILLING_SETTINGS) private readonly settings: Pick<UsageBillingSettings, 'usageEventMonths'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: LOOK_EVERY_MS, background: true });
  }

  /** Makes missing partitions, each in its own transaction. Resolves with the months that it made, as `2026-11-01`. */
  async make(): Promise<string[]> {
    const due = await this.database.acrossOrganizations((manager) =>
      manager.query<{ month: string }[]>('SELECT month::text FROM billing.usage_event_months_due($1) AS month', [
        MONTHS_AHEAD,
      ]),
    );
    const made: string[] = [];
    for (const { month } of due) {
      const [row] = await this.database.acrossOrganizations((manager) =>
        manager.query<{ made: boolean }[]>('SELECT billing.make_usage_event_month($1::date) AS made', [month]),
      );
      if (row?.made === true) made.push(month);
    }
    return made;
  }

  /**
   * Takes away the months whose events are no longer kept, each in its own transaction. Nothing goes where the operator
   * has not said how many months are kept. Resolves with the months that are gone.
   */
  async dropPast(): Promise<string[]> {
    const { usageEventMonths } = this.settings;
    if (usageEventMonths === undefined) return [];
    const past = await this.database.acrossOrganizations((manager) =>
      manager.query<{ month: string }[]>('SELECT month::text FROM billing.usage_event_months_past($1) AS month', [
        usageEventMonths,
      ]),
    );
    const gone: string[] = [];
    for (const { month } of past) {
      const [row] = await this.database.acrossOrganizations((manager) =>
        manager.query<{ gone: boolean }[]>('SELECT billing.drop_usage_event_month($1::date) AS gone', [month]),
      );
      if (row?.gone === true) gone.push(month);
    }
    return gone;
  }

  /** Reads the state for the metrics; rejects if the database cannot be reached. */
  async state(): Promise<MonthsState> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ ahead: string; outside: string }[]>(
        `SELECT (SELECT count(*) FROM generate_series(1, 12) AS n
               WHERE to_regclass('billing.usage_event_' || to_char(billing.this_month() + n * interval '1 month', 'YYYY_MM')) IS NOT NULL
              ) AS ahead, billing.usage_events_without_month($1) AS outside`,
        [COUNTED_MAX],
      ),
    );
    const { ahead, outside } = oneRow(rows);
    return { monthsAhead: Number(ahead), eventsWithoutMonth: Number(outside) };
  }

  /** Never rejects. */
  protected override async work(): Promise<number | void> {
    try {
      const months = await this.make();
      if (months.length > 0) this.logger.info({ months }, 'partitions of usage events were made');
      const gone = await this.dropPast();
      if (gone.length > 0) this.logger.info({ months: gone }, 'usage events of months that are not kept are gone');
    } catch (error) {
      this.logger.warn(
        { err: error },
        'partitions of usage events could not be made or taken away; the next attempt follows in a minute',
      );
      return RETRY_MS;
    }
  }
}

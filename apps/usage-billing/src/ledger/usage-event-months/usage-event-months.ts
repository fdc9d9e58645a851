import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Periodic } from '@tollgate/periodic';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { DataSource } from 'typeorm';

/** Far more often than months begin, so that events of odd months leave the default partition the same day. */
const LOOK_EVERY_MS = 6 * 3_600_000;
/** A look that failed is repeated: bookings of long transactions may have been in its way. */
const RETRY_MS = 60_000;
/** Months after this one that have their partition: nobody has to look for a quarter of a year. */
const MONTHS_AHEAD = 3;
/** Counting events in the default partition ends here. */
const COUNTED_MAX = 10_000;

/** How well the partitions fit the events. */
export interface MonthsState {
  /** Months after this one whose partition is there, up to twelve. */
  readonly monthsAhead: number;
  /** Events in the default partition, up to 10,000. */
  readonly eventsWithoutMonth: number;
}

/**
 * Makes the partitions of `billing.usage_event`, a month each, before their time. Events of a month without one are in
 * the default partition until it is made. Safe with two instances: the function of the database locks.
 */
@Injectable()
export class UsageEventMonths implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly looks = new Periodic(() => this.look(), { everyMs: LOOK_EVERY_MS, background: true });

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.looks.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.looks.stop();
  }

  /** Makes what is missing, each month in a transaction of its own; resolves with the months made, as `2026-11-01`. */
  async make(): Promise<string[]> {
    const due: { month: string }[] = await this.dataSource.query(
      'SELECT month::text FROM billing.usage_event_months_due($1) AS month',
      [MONTHS_AHEAD],
    );
    const made: string[] = [];
    for (const { month } of due) {
      const [row]: { made: boolean }[] = await this.dataSource.query(
        'SELECT billing.make_usage_event_month($1::date) AS made',
        [month],
      );
      if (row?.made === true) made.push(month);
    }
    return made;
  }

  /** For the metrics; rejects when the database cannot be asked. */
  async state(): Promise<MonthsState> {
    const [row]: { ahead: string; outside: string }[] = await this.dataSource.query(
      `SELECT (SELECT count(*) FROM generate_series(1, 12) AS n
               WHERE to_regclass('billing.usage_event_' || to_char(billing.this_month() + n * interval '1 month', 'YYYY_MM')) IS NOT NULL
              ) AS ahead, billing.usage_events_without_month($1) AS outside`,
      [COUNTED_MAX],
    );
    return { monthsAhead: Number(row!.ahead), eventsWithoutMonth: Number(row!.outside) };
  }

  /** Never rejects. */
  private async look(): Promise<number | void> {
    try {
      const months = await this.make();
      if (months.length > 0) this.logger.info({ months }, 'partitions of usage events were made');
    } catch (error) {
      this.logger.warn({ err: error }, 'partitions of usage events could not be made; again in a minute');
      return RETRY_MS;
    }
  }
}

import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { Comparison, DeletedUnit } from './usage-books.js';
import type { BookRow, Span, UsageDifference } from './usage-differences.js';

/** A difference that was seen in two checks in a row. */
export interface LastingUsageDifference extends UsageDifference {
  readonly organizationId: string;
  readonly firstSeenAt: Date;
}

/** What of an organisation is to be compared. */
export interface UsageSpan extends Span {
  readonly organizationId: string;
}

/** A day, in UTC, with how many requests the organisation's roll-up in total has of it. */
export interface UsageDay extends UsageSpan {
  readonly requests: number;
}

/** A span that differed, and whether it is a month. */
export interface DifferingSpan extends UsageSpan {
  readonly isMonth: boolean;
}

/** Where the slow pass is: all of this organisation before this moment was compared; null for nothing of it. */
export interface PassPosition {
  readonly organizationId: string;
  readonly passedToMs: number | null;
}

export const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
/** No usage is older, and none is of tomorrow: rows of absurd times must not take a pass years of days. */
const FIRST_AT = '2020-01-01T00:00:00Z';
const LAST_AT = `now() + interval '1 day'`;
/** Spans that differed are compared again in each check, up to so many; the slow pass comes to the others. */
const DIFFERING_MAX = 200;
/** Days that have changed are found up to so many; the others in the next check. */
const TOUCHED_MAX = 500;

/** Reads the sums of books, and keeps what was compared and what differed. */
@Injectable()
export class UsageCheckStore {
  constructor(private readonly database: ServiceDatabase) {}

  /**
   * The sums of books, as one statement sees them. `events` is when the calls of the events began, for books of events.
   * Indexes: usage_dimension_by_grain, usage_minute_pk, usage_quarter_pk, usage_dimension_pk, usage_series_pk,
   * usage_hour_by_organization, usage_day_by_organization, usage_month_by_organization, key_usage_by_organization,
   * usage_event_by_start, transfer_pk.
   */
  async read(
    { text }: Comparison,
    { organizationId, fromMs, toMs }: UsageSpan,
    stepMs: number,
    events: Span | null,
  ): Promise<BookRow[]> {
    const parameters = [organizationId, new Date(fromMs), new Date(toMs), stepMs];
    if (events !== null) parameters.push(new Date(events.fromMs), new Date(events.toMs));
    return this.database.acrossOrganizations((manager) => manager.query<BookRow[]>(text, parameters));
  }

  /** Before when rows are deleted. */
  async deleted(): Promise<BookRow['deleted']> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ unit: DeletedUnit; before: string }[]>(
        'SELECT unit, to_jsonb(before) AS before FROM billing.usage_deleted',
      ),
    );
    return Object.fromEntries(rows.map(({ unit, before }) => [unit, before]));
  }

  /** The days of these organisations whose sums are others than when they were compared last, the latest first. */
  async touched(organizationIds: readonly string[]): Promise<UsageDay[]> {
    if (organizationIds.length === 0) return [];
    return (
      await this.database.acrossOrganizations((manager) =>
        manager.query<DayRow[]>(TOUCHED, [organizationIds, TOUCHED_MAX]),
      )
    ).map(dayOf);
  }

  /** The days of a span, which are whole, with their requests; also those without any. */
  async days({ organizationId, fromMs, toMs }: UsageSpan): Promise<UsageDay[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<DayRow[]>(DAYS_OF_SPAN, [organizationId, new Date(fromMs), new Date(toMs)]),
    );
    return rows.map(dayOf);
  }

  /** The quarters of an hour of a day that have requests. */
  async quarters({
    organizationId,
    fromMs,
    toMs,
  }: UsageSpan): Promise<readonly { readonly atMs: number; readonly events: number }[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ at: Date; requests: string }[]>(QUARTERS, [organizationId, new Date(fromMs), new Date(toMs)]),
    );
    return rows.map(({ at, requests }) => ({ atMs: at.getTime(), events: Number(requests) }));
  }

  /** Notes what the sums of days were when they were compared, by the roll-up in total. */
  async noteChecked(organizationId: string, rows: readonly BookRow[]): Promise<void> {
    const totals = rows.filter(({ book }) => book === 'usage_series.total.1440');
    if (totals.length === 0) return;
    await this.database.acrossOrganizations((manager) =>
      manager.query(NOTE_CHECKED, [
        organizationId,
        totals.map(({ start }) => start),
        totals.map(({ requests }) => requests),
        totals.map(({ charge_nano_usd: charge }) => charge),
      ]),
    );
  }

  /** The spans that differed in the last check. */
  async differing(): Promise<DifferingSpan[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string; starts_at: Date; ends_at: Date; is_month: boolean }[]>(DIFFERING, [
        DIFFERING_MAX,
      ]),
    );
    return rows.map((row) => ({
      organizationId: row.organization_id,
      fromMs: row.starts_at.getTime(),
      toMs: row.ends_at.getTime(),
      isMonth: row.is_month,
    }));
  }

  /**
   * Notes what differs now in a span, and forgets what no longer does of these books. Resolves with the differences
   * that are seen for the second time in a row, and whether any was seen for the first time.
   */
  async note(
    { organizationId, fromMs, toMs }: UsageSpan,
    books: readonly string[],
    differences: readonly UsageDifference[],
  ): Promise<{ readonly lasting: readonly UsageDifference[]; readonly hasNew: boolean }> {
    const found = JSON.stringify(differences.map(rowOf));
    const noted = await this.database.acrossOrganizations(async (manager) => {
      await manager.query(FORGET, [organizationId, new Date(fromMs), new Date(toMs), books, found]);
      if (differences.length === 0) return [];
      return manager.query<{ book: string; starts_at: Date; times: number }[]>(NOTE, [organizationId, found]);
    });
    const second = new Set(
      noted.filter(({ times }) => times === 2).map((row) => `${row.starts_at.getTime()} ${row.book}`),
    );
    return {
      lasting: differences.filter((each) => second.has(`${each.fromMs} ${each.book}`)),
      hasNew: noted.some(({ times }) => times === 1),
    };
  }

  /** The differences that were seen twice in a row and are still there, those seen first before others. */
  async lasting(): Promise<readonly LastingUsageDifference[]> {
    return (await this.database.acrossOrganizations((manager) => manager.query<DifferenceRow[]>(LASTING))).map(
      (row) => ({
        organizationId: row.organization_id,
        book: row.book,
        fromMs: row.starts_at.getTime(),
        toMs: row.ends_at.getTime(),
        sums: row.sums,
        requests: BigInt(row.requests),
        hasRequests: bigOrNull(row.has_requests),
        chargeNanoUsd: BigInt(row.charge_nano_usd),
        hasChargeNanoUsd: BigInt(row.has_charge_nano_usd),
        eventsNanoUsd: bigOrNull(row.events_nano_usd),
        transfersNanoUsd: bigOrNull(row.transfers_nano_usd),
        firstSeenAt: row.first_seen_at,
      }),
    );
  }

  /** Where the slow pass is. */
  async position(): Promise<PassPosition> {
    const [row] = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string; passed_to: Date | null }[]>(POSITION),
    );
    return { organizationId: row?.organization_id ?? '', passedToMs: row?.passed_to?.getTime() ?? null };
  }

  /** Moves the slow pass; to null at its end, from where it begins again. */
  async moveTo(position: PassPosition | null): Promise<void> {
    const passedToMs = position?.passedToMs ?? null;
    await this.database.acrossOrganizations((manager) =>
      manager.query(MOVE, [
        position?.organizationId ?? '',
        passedToMs === null ? null : new Date(passedToMs),
        position === null,
      ]),
    );
  }

  /** The organisation after another one that has usage; null behind the last one. */
  async organizationAfter(organizationId: string): Promise<string | null> {
    const [row] = await this.database.acrossOrganizations((manager) =>
      manager.query<{ next: string | null }[]>(ORGANIZATION_AFTER, [organizationId]),
    );
    return row?.next ?? null;
  }

  /** From the first day of the first month with usage to the end of the last day with usage; null for none. */
  async timeOf(organizationId: string): Promise<Span | null> {
    const [row] = await this.database.acrossOrganizations((manager) =>
      manager.query<{ first: Date | null; last: Date | null }[]>(TIME_OF, [organizationId]),
    );
    if (!row?.first || !row.last) return null;
    return { fromMs: row.first.getTime(), toMs: row.last.getTime() + DAY_MS };
  }
}

interface DayRow {
  organization_id: string;
  at: Date;
  requests: string;
}

const dayOf = (row: DayRow): UsageDay => ({
  organizationId: row.organization_id,
  fromMs: row.at.getTime(),
  toMs: row.at.getTime() + DAY_MS,
  requests: Number(row.requests),
});

interface DifferenceRow {
  organization_id: string;
  book: string;
  starts_at: Date;
  ends_at: Date;
  sums: UsageDifference['sums'];
  requests: string;
  has_requests: string | null;
  charge_nano_usd: string;
  has_charge_nano_usd: string;
  events_nano_usd: string | null;
  transfers_nano_usd: string | null;
  first_seen_at: Date;
}

const bigOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

/** A difference as the columns of its row, as JSON has them. */
const rowOf = (each: UsageDifference) => ({
  book: each.book,
  starts_at: new Date(each.fromMs),
  ends_at: new Date(each.toMs),
  sums: each.sums,
  requests: each.requests.toString(),
  has_requests: each.hasRequests?.toString() ?? null,
  charge_nano_usd: each.chargeNanoUsd.toString(),
  has_charge_nano_usd: each.hasChargeNanoUsd.toString(),
  events_nano_usd: each.eventsNanoUsd?.toString() ?? null,
  transfers_nano_usd: each.transfersNanoUsd?.toString() ?? null,
});

/** Indexes: usage_series_pk, usage_check_pk. */
const TOUCHED = `SELECT sums.organization_id, sums.at, sums.requests FROM (
    SELECT organization_id, at, sum(requests) AS requests, sum(charge_nano_usd) AS charge FROM billing.usage_series
    WHERE organization_id = ANY($1::text[]) AND grain = 'total' AND minutes = 1440 AND at >= '${FIRST_AT}' AND at < ${LAST_AT}
    GROUP BY 1, 2) AS sums
  LEFT JOIN billing.usage_check AS known ON known.organization_id = sums.organization_id AND known.at = sums.at
  WHERE known.requests IS DISTINCT FROM sums.requests OR known.charge_nano_usd IS DISTINCT FROM sums.charge
  ORDER BY sums.at DESC, known.checked_at NULLS FIRST LIMIT $2`;

/** Index: usage_series_pk. */
const DAYS_OF_SPAN = `SELECT $1::text AS organization_id, day AS at, coalesce((
    SELECT sum(requests) FROM billing.usage_series
    WHERE organization_id = $1 AND grain = 'total' AND minutes = 1440 AND at = day), 0) AS requests
  FROM generate_series($2::timestamptz, $3::timestamptz - interval '1 hour', interval '24 hours') AS day ORDER BY day`;

/** Index: usage_series_pk. */
const QUARTERS = `SELECT at, sum(requests) AS requests FROM billing.usage_series
  WHERE organization_id = $1 AND grain = 'total' AND minutes = ${QUARTER_MS / 60_000} AND at >= $2 AND at < $3
  GROUP BY at ORDER BY at`;

/** Index: usage_check_pk. */
const NOTE_CHECKED = `INSERT INTO billing.usage_check AS known (organization_id, at, requests, charge_nano_usd, checked_at)
  SELECT $1, at, requests, charge, now() FROM unnest($2::timestamptz[], $3::numeric[], $4::numeric[]) AS day (at, requests, charge)
  ON CONFLICT (organization_id, at) DO UPDATE
    SET requests = EXCLUDED.requests, charge_nano_usd = EXCLUDED.charge_nano_usd, checked_at = EXCLUDED.checked_at`;

const DIFFERING = `SELECT organization_id, starts_at, ends_at, book LIKE 'usage\\_month.%' AS is_month
  FROM billing.usage_difference GROUP BY 1, 2, 3, 4 ORDER BY min(first_seen_at), 1, 2, 3 LIMIT $1`;

/** Index: usage_difference_pk. */
const FORGET = `DELETE FROM billing.usage_difference AS known
  WHERE organization_id = $1 AND book = ANY($4::text[]) AND starts_at >= $2 AND starts_at < $3
    AND NOT EXISTS (SELECT FROM jsonb_to_recordset($5::jsonb) AS now (book text, starts_at timestamptz)
      WHERE now.book = known.book AND now.starts_at = known.starts_at)`;

const COLUMNS = `book, starts_at, ends_at, sums, requests, has_requests, charge_nano_usd, has_charge_nano_usd,
    events_nano_usd, transfers_nano_usd`;

const NOTE = `INSERT INTO billing.usage_difference AS known (organization_id, ${COLUMNS})
  SELECT $1, ${COLUMNS} FROM jsonb_to_recordset($2::jsonb) AS now (book text, starts_at timestamptz, ends_at timestamptz,
    sums text[], requests numeric, has_requests numeric, charge_nano_usd numeric, has_charge_nano_usd numeric,
    events_nano_usd numeric, transfers_nano_usd numeric)
  ON CONFLICT (organization_id, book, starts_at) DO UPDATE SET ends_at = EXCLUDED.ends_at, sums = EXCLUDED.sums,
    requests = EXCLUDED.requests, has_requests = EXCLUDED.has_requests, charge_nano_usd = EXCLUDED.charge_nano_usd,
    has_charge_nano_usd = EXCLUDED.has_charge_nano_usd, events_nano_usd = EXCLUDED.events_nano_usd,
    transfers_nano_usd = EXCLUDED.transfers_nano_usd, times = known.times + 1
  RETURNING book, starts_at, times`;

const LASTING = `SELECT organization_id, ${COLUMNS}, first_seen_at FROM billing.usage_difference
  WHERE times >= 2 ORDER BY first_seen_at, organization_id, starts_at, book LIMIT 1000`;

const POSITION = `SELECT usage_passed_organization AS organization_id, usage_passed_to AS passed_to FROM billing.reconciliation`;

const MOVE = `UPDATE billing.reconciliation SET usage_passed_organization = $1, usage_passed_to = $2,
    usage_pass_ended_at = CASE WHEN $3 THEN now() ELSE usage_pass_ended_at END`;

/** Indexes: usage_day_by_organization, usage_month_by_organization. */
const ORGANIZATION_AFTER = `SELECT least(
    (SELECT min(organization_id) FROM billing.usage_day WHERE organization_id > $1),
    (SELECT min(organization_id) FROM billing.usage_month WHERE organization_id > $1)) AS next`;

/** Indexes: usage_day_by_organization, usage_month_by_organization, usage_series_pk. */
const TIME_OF = `SELECT date_trunc('month', min(at), 'UTC') AS first, date_bin('24 hours', max(at), '2000-01-01Z') AS last FROM (
    (SELECT at FROM billing.usage_day WHERE organization_id = $1 AND at >= '${FIRST_AT}' ORDER BY at LIMIT 1)
    UNION ALL (SELECT at FROM billing.usage_day WHERE organization_id = $1 AND at < ${LAST_AT} ORDER BY at DESC LIMIT 1)
    UNION ALL (SELECT at FROM billing.usage_month WHERE organization_id = $1 AND at >= '${FIRST_AT}' ORDER BY at LIMIT 1)
    UNION ALL (SELECT at FROM billing.usage_month WHERE organization_id = $1 AND at < ${LAST_AT} ORDER BY at DESC LIMIT 1)
    UNION ALL (SELECT at FROM billing.usage_series
      WHERE organization_id = $1 AND grain = 'total' AND minutes = 1440 AND at < ${LAST_AT} ORDER BY at DESC LIMIT 1)) AS known
  WHERE at >= '${FIRST_AT}' AND at < ${LAST_AT}`;

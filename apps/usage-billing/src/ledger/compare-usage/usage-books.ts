import { CHARGE_KINDS } from '../charge-kinds.js';
import { GRAINS_OF, SERIES_MINUTES, SUM_COLUMNS, type RollUpUnit } from '../../usage/roll-ups/roll-up-columns.js';

// What says how much an organisation used in a time. Each of these is a book: single events, their transfers, the sums
// by key and day, and each grain of each roll-up. All of them count the same calls, so their sums are equal.

/** The sums by which books are compared. Not every book has all of them. */
export const COMPARED_SUMS = SUM_COLUMNS;
export type ComparedSum = (typeof COMPARED_SUMS)[number];

/** What is deleted when it is old; all else is kept for good. */
export type DeletedUnit = 'event' | 'hour' | 'minute';

/** A book, by its name, such as `usage_day.full`, and what is deleted of it. */
export interface Book {
  readonly name: string;
  readonly deletedAs: DeletedUnit | null;
}

/** Single events, and the charges of their transfers on the accounts of their keys. */
export const EVENT_BOOKS: readonly Book[] = ['usage_event', 'transfer'].map((name) => ({ name, deletedAs: 'event' }));

/** The times that have a table of their own. */
type TableUnit = Exclude<RollUpUnit, 'six_hours'>;
type SeriesUnit = keyof typeof SERIES_MINUTES;

const deletedAs = (unit: RollUpUnit): DeletedUnit | null => {
  if (unit === 'day' || unit === 'month') return null;
  return unit === 'minute' ? 'minute' : 'hour';
};

const tableBooks = (unit: TableUnit): readonly Book[] =>
  tableGrains(unit).map((grain) => ({ name: `usage_${unit}.${grain}`, deletedAs: deletedAs(unit) }));

/** Rows in total are in the series alone. */
const tableGrains = (unit: TableUnit) => GRAINS_OF[unit].filter((grain) => grain !== 'total');

const SERIES_GRAINS = ['total', 'models'] as const;
const seriesBooks = (unit: SeriesUnit): readonly Book[] =>
  SERIES_GRAINS.map((grain) => ({
    name: `usage_series.${grain}.${SERIES_MINUTES[unit]}`,
    deletedAs: deletedAs(unit),
  }));

/** Books that are compared with each other: those first that are believed where as many say one thing as another. */
export interface Comparison {
  readonly books: readonly Book[];
  /** SQL: their sums of an organisation (`$1`) from `$2` to `$3`, in steps of `$4` milliseconds. */
  readonly text: string;
}

interface Compared {
  readonly hasKeys: boolean;
  readonly tables: readonly TableUnit[];
  readonly series: readonly SeriesUnit[];
  readonly hasEvents: boolean;
}

function comparisonOf({ hasKeys, tables, series, hasEvents }: Compared): Comparison {
  const read = [
    ...(hasKeys ? [OF_KEYS] : []),
    ...tables.map(ofTable),
    ofSeries(series),
    ...(hasEvents ? [OF_EVENTS] : []),
  ];
  return {
    books: [
      ...(hasKeys ? [{ name: 'key_usage_day', deletedAs: null }] : []),
      ...series.flatMap(seriesBooks),
      ...tables.flatMap(tableBooks),
      ...(hasEvents ? EVENT_BOOKS : []),
    ],
    // One statement sees one moment of the database: what is booked meanwhile is in all books or in none.
    text: `SELECT book, start, ${COMPARED_SUMS.map((sum) => `sum(${sum})::text AS ${sum}`).join(', ')},
        (SELECT jsonb_object_agg(unit, before) FROM billing.usage_deleted) AS deleted
      FROM (${read.join(' UNION ALL ')}) AS read GROUP BY book, start`,
  };
}

const START = `date_bin($4::float8 * interval '1 millisecond', at, $2::timestamptz)`;
const IN_TIME = 'at >= $2::timestamptz AND at < $3::timestamptz';
const SUMS = COMPARED_SUMS.map((sum) => `u.${sum}`).join(', ');

/** As those who read usage find it: a row whose facts are not known is none. */
const ofTable = (unit: TableUnit): string => `
  SELECT 'usage_${unit}.' || d.grain AS book, ${START} AS start, ${SUMS}
  FROM billing.usage_dimension AS d ${unit === 'minute' || unit === 'quarter' ? byFacts(unit) : byTime(unit)}
  WHERE d.organization_id = $1 AND u.organization_id = $1
    AND d.grain IN (${tableGrains(unit)
      .map((grain) => `'${grain}'`)
      .join(', ')})`;

const byTime = (unit: TableUnit): string =>
  `JOIN billing.usage_${unit} AS u ON u.dimension_id = d.dimension_id AND ${IN_TIME}`;

/**
 * Minutes and quarters have an index by facts and time, and one by time alone, which has the rows of all organisations.
 * Of the latest rows the planner knows nothing and would take that; it cannot where rows are compared as a whole.
 */
const byFacts = (unit: TableUnit): string => `CROSS JOIN LATERAL (
      SELECT * FROM billing.usage_${unit}
      WHERE (dimension_id, at) >= (d.dimension_id, $2::timestamptz) AND (dimension_id, at) < (d.dimension_id, $3::timestamptz)
      OFFSET 0) AS u`;

const ofSeries = (units: readonly SeriesUnit[]): string => `
  SELECT 'usage_series.' || u.grain || '.' || u.minutes, ${START}, ${SUMS}
  FROM (VALUES ${units.flatMap((unit) => SERIES_GRAINS.map((grain) => `('${grain}', ${SERIES_MINUTES[unit]})`)).join(', ')})
      AS of_length (grain, minutes)
    CROSS JOIN LATERAL (
      SELECT * FROM billing.usage_series
      WHERE organization_id = $1 AND grain = of_length.grain AND minutes = of_length.minutes AND ${IN_TIME} OFFSET 0) AS u
    JOIN billing.usage_dimension AS d ON d.dimension_id = u.dimension_id AND d.organization_id = $1 AND d.grain = u.grain`;

const OF_KEYS = `
  SELECT 'key_usage_day' AS book, ${START.replace('at,', "u.day::timestamp AT TIME ZONE 'UTC',")} AS start,
    u.requests, NULL::bigint AS input_tokens, NULL::bigint AS output_tokens, NULL::bigint AS cost_nano_usd, u.charge_nano_usd
  FROM billing.key_usage AS k JOIN billing.key_usage_day AS u USING (api_key_id)
  WHERE k.organization_id = $1 AND u.organization_id = $1
    AND u.day >= ($2::timestamptz AT TIME ZONE 'UTC')::date AND u.day < ($3::timestamptz AT TIME ZONE 'UTC')::date`;

/**
 * Events whose calls began from `$5` to `$6`, each counted at the moment that chose its cycle, and what the ledger has
 * charged for each to the account that it names first: its key's, which takes the whole charge. An event without that
 * account, or of which it took a part, is believed. A transfer is looked up by its request: with `=` for the account, a
 * planner without statistics, as that of the embedded Postgres, would read all transfers of the account for each event.
 */
const OF_EVENTS = `
  SELECT of_book.book, start, of_book.requests, of_book.input, of_book.output, of_book.cost, of_book.charge
  FROM (
    SELECT ${START} AS start, count(*) AS requests, sum(input_tokens) AS input, sum(output_tokens) AS output,
      sum(cost_nano_usd) AS cost, sum(charge_nano_usd) AS charge,
      sum(CASE WHEN own IS NULL OR own ? 'heldNanoUsd' THEN charge_nano_usd ELSE (
        SELECT coalesce(sum(t.amount_nano_usd), 0) FROM billing.transfer AS t
        WHERE t.request_id = e.request_id AND t.account_id IS NOT DISTINCT FROM own->>'accountId' AND t.kind IN ${CHARGE_KINDS}) END) AS posted
    FROM (
      SELECT request_id, accounts->0 AS own, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd,
        billing.counted_at(started_at, accounts->0->>'accountId', accounts->0->>'capNanoUsd') AS at
      FROM billing.usage_event
      WHERE organization_id = $1 AND started_at >= $5::timestamptz AND started_at < $6::timestamptz OFFSET 0) AS e
    WHERE ${IN_TIME} GROUP BY 1) AS summed
  CROSS JOIN LATERAL (VALUES ('usage_event', requests, input, output, cost, charge), ('transfer', NULL, NULL, NULL, NULL, posted))
    AS of_book (book, requests, input, output, cost, charge)`;

const OF_DAYS: Omit<Compared, 'hasEvents'> = {
  hasKeys: true,
  tables: ['day', 'hour', 'quarter', 'minute'],
  series: ['day', 'six_hours', 'hour', 'quarter'],
};

/** Days, with or without their events. */
export const DAYS = comparisonOf({ ...OF_DAYS, hasEvents: false });
export const DAYS_WITH_EVENTS = comparisonOf({ ...OF_DAYS, hasEvents: true });
/** A month, whose days are compared by themselves. */
export const MONTH = comparisonOf({ hasKeys: true, tables: ['month'], series: ['day'], hasEvents: false });
export const MONTH_BOOKS = tableBooks('month');
/** The events of a part of a day, made of whole quarters of an hour. */
export const PART = comparisonOf({ hasKeys: false, tables: ['quarter'], series: ['quarter'], hasEvents: true });

import { Client } from 'pg';

/** How much usage there is. */
export interface UsageSeed {
  readonly organizations: number;
  readonly keys: number;
  readonly models: number;
  /** Events of each organisation in the year. */
  readonly events: number;
  /** The first day of the year, as `2025-11-01`. */
  readonly firstDay: string;
}

/** The id of an organisation, from 1 on. */
export const organizationOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** Every fifth combination of key and model has failures too; one key in three is in one of twenty groups. */
const DIMENSIONS = `
  INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, model, provider, route, api_key_id, group_ids, is_named)
  SELECT gen_random_uuid(), o, 'full', outcome, 'model ' || m, 'openai', 'route ' || m % 3, k, groups, true FROM keyed
  UNION ALL SELECT gen_random_uuid(), o, 'models', outcome, 'model ' || m, 'openai', 'route ' || m % 3, NULL, NULL, true
    FROM keyed GROUP BY o, outcome, m
  UNION ALL SELECT gen_random_uuid(), o, 'owners', outcome, NULL, NULL, NULL, k, groups, true FROM keyed GROUP BY o, outcome, k, groups
  UNION ALL SELECT gen_random_uuid(), o, 'total', outcome, NULL, NULL, NULL, NULL, NULL, true FROM keyed GROUP BY o, outcome`;

const KEYED = `
  WITH keyed AS (
    SELECT $1::text AS o, md5($1 || key)::uuid::text AS k, (key * 7 + model * 3) % $3 AS m,
      CASE WHEN key % 3 = 0 THEN ARRAY[md5('group ' || key % 20)::uuid::text] ELSE '{}' END AS groups, outcome
    FROM generate_series(1, $2::int) AS key, generate_series(1, 3) AS model, unnest(ARRAY['completed', 'provider_failed']) AS outcome
    WHERE outcome = 'completed' OR (key + model) % 5 = 0)`;

const HISTOGRAM =
  'trunc(((1 + n % 7) * 10::numeric ^ (10 * (8 + n % 9)) + (n % 5) * 10::numeric ^ (10 * (12 + n % 6))))';

const COLUMNS =
  'requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd, text_input_tokens, cached_text_tokens, text_output_tokens, first_byte, duration';

/** Rows for each dimension of a grain and each moment from `$3` to `$4`; `$2` is the events of one row. */
const madeSql = (grain: string, step: string, when = 'true'): string => `
  SELECT dimension_id, at, organization_id, r, r * 900, r * 300, r * 400000, r * 420000, r * 800, r * 100, r * 300, ${HISTOGRAM}, ${HISTOGRAM} * 2
  FROM (SELECT dimension_id, organization_id, at, n, greatest(1, ($2::float8 * (1 + n % 3) / 2)::bigint) AS r FROM (
    SELECT dimension_id, organization_id, at, (hashtext(dimension_id::text || at) & 65535) AS n
    FROM billing.usage_dimension, generate_series($3::timestamptz, $4::timestamptz - interval '1 second', interval '${step}') AS at
    WHERE organization_id = $1 AND grain = '${grain}' AND ${when}) AS cells) AS sized`;

const SUMMED = COLUMNS.split(', ')
  .map((column) => `sum(${column})`)
  .join(', ');

/** Rows of a longer time are the sums of those of a shorter one: reads take rows of both, and subtract. */
const summedSql = (unit: string, grain: string, of: string): string => `
  SELECT dimension_id, date_trunc('${unit}', at, 'UTC') AS at, organization_id, ${SUMMED}
  FROM billing.usage_${of} JOIN billing.usage_dimension USING (dimension_id, organization_id)
  WHERE organization_id = $1 AND grain = '${grain}' GROUP BY 1, 2, 3`;

/** The rows of series: those by model, and in total. */
const seriesSql = (minutes: number, of: string): string => `
  INSERT INTO billing.usage_series (organization_id, grain, minutes, at, dimension_id, ${COLUMNS})
  SELECT s.organization_id, s.grain, ${minutes}, date_bin('${minutes} minutes', at, '2000-01-01Z') AS start, s.dimension_id, ${SUMMED}
  FROM billing.usage_${of} AS u JOIN billing.usage_dimension AS d USING (dimension_id)
    JOIN billing.usage_dimension AS s ON s.dimension_id = d.dimension_id
      OR s.organization_id = d.organization_id AND s.outcome = d.outcome AND s.grain = 'total'
  WHERE d.organization_id = $1 AND d.grain = 'models' GROUP BY 1, 2, 3, 4, 5 ORDER BY start, s.grain, md5(s.dimension_id::text)`;

const SERIES = [seriesSql(15, 'quarter'), seriesSql(60, 'hour'), seriesSql(360, 'hour'), seriesSql(1_440, 'day')];

/**
 * Quarter-hours of every key are nearly as many rows as events, one in ten combinations each: there are those where a
 * year of another time zone begins and ends.
 */
const AT_EDGES = `(at < $3::timestamptz + interval '1 day' OR at >= $4::timestamptz - interval '1 day')
  AND hashtext(at || dimension_id::text) % 10 = 0`;

/** In this order. Within a unit, rows of all grains lie among each other, as bookings leave them. */
const ROWS: readonly { readonly unit: string; readonly rows: readonly string[] }[] = [
  { unit: 'quarter', rows: [madeSql('models', '15 minutes'), madeSql('full', '15 minutes', AT_EDGES)] },
  { unit: 'hour', rows: [summedSql('hour', 'models', 'quarter'), summedSql('hour', 'full', 'quarter')] },
  {
    unit: 'day',
    rows: [summedSql('day', 'models', 'hour'), madeSql('full', '1 day'), madeSql('owners', '1 day')],
  },
  { unit: 'month', rows: [summedSql('month', 'models', 'day'), summedSql('month', 'owners', 'day')] },
];

/** Fills the roll-ups of a migrated database as a year of calls would have. Resolves with the rows that there are. */
export async function seedUsage(databaseUrl: string, seed: UsageSeed, tell: (line: string) => void): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const end = new Date(Date.parse(seed.firstDay) + 365 * 86_400_000).toISOString();
  try {
    await client.query('SET session_replication_role = replica');
    await client.query("SET timezone = 'UTC'");
    for (let n = 1; n <= seed.organizations; n++) {
      const organizationId = organizationOf(n);
      await client.query(`${KEYED}${DIMENSIONS}`, [organizationId, seed.keys, seed.models]);
      const eventsOfRow = seed.events / (seed.keys * 3 * 365);
      for (const { unit, rows } of ROWS)
        await client.query(
          `INSERT INTO billing.usage_${unit} (dimension_id, at, organization_id, ${COLUMNS})
           SELECT * FROM (${rows.join(' UNION ALL ')}) AS rows
           WHERE $2::float8 > 0 AND $3::timestamptz < $4::timestamptz ORDER BY at, md5(dimension_id::text)`,
          [organizationId, eventsOfRow, seed.firstDay, end],
        );
      for (const rows of SERIES) await client.query(rows, [organizationId]);
    }
    await client.query('VACUUM ANALYZE');
    const { rows } = await client.query<{ name: string; rows: string; size: string }>(
      `SELECT relname AS name, reltuples::bigint AS rows, pg_size_pretty(pg_total_relation_size(oid)) AS size
       FROM pg_class WHERE relnamespace = 'billing'::regnamespace AND relkind = 'r' AND reltuples > 0 AND relname LIKE 'usage_%'
       ORDER BY relname`,
    );
    for (const { name, rows: count, size } of rows)
      tell(`${name.padEnd(20)} ${count.padStart(10)} rows ${size.padStart(10)}`);
  } finally {
    await client.end();
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { idOf, ROLL_UP_SUMS, sumOfRows } from '../../usage/roll-ups/roll-up-sql.js';

/** The locks of all organisations, as `lockOrganizations` takes them: whoever books waits, of every release. */
const STOP_BOOKINGS = 'SELECT pg_advisory_xact_lock(45329, bucket) FROM generate_series(0, 255) AS bucket';

const SUMS = ROLL_UP_SUMS.map(sumOfRows).join(', ');
const TOTAL_ID = idOf('total').replaceAll(/\b(organization_id|outcome)\b/g, 'd.$1');

/**
 * The rows of one day by models, and their sums, written over what the trigger has added since the migration before:
 * they have that, too. Indexes: usage_quarter_pk, usage_hour_pk, usage_day_pk, or those by time.
 */
const fill = (minutes: number, from: 'quarter' | 'hour' | 'day'): string => `
  INSERT INTO billing.usage_series AS known (organization_id, grain, minutes, at, dimension_id, ${ROLL_UP_SUMS.join(', ')})
  SELECT d.organization_id, of_grain.grain, ${minutes}, date_bin('${minutes} minutes', u.at, '2000-01-01Z'), of_grain.id, ${SUMS}
  FROM billing.usage_dimension AS d JOIN billing.usage_${from} AS u USING (dimension_id)
    CROSS JOIN LATERAL (VALUES ('models', d.dimension_id), ('total', ${TOTAL_ID})) AS of_grain (grain, id)
  WHERE d.grain = 'models' AND u.at >= $1::date::timestamp AT TIME ZONE 'UTC' AND u.at < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (organization_id, grain, minutes, at, dimension_id)
    DO UPDATE SET ${ROLL_UP_SUMS.map((column) => `${column} = EXCLUDED.${column}`).join(', ')}`;

const FILLS = [fill(15, 'quarter'), fill(60, 'hour'), fill(360, 'hour'), fill(1_440, 'day')];

/** Those that the models' rows are sums of. */
const DIMENSIONS = `
  INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome)
  SELECT DISTINCT ${idOf('total')}, organization_id, 'total', outcome FROM billing.usage_dimension WHERE grain = 'models'
  ON CONFLICT (dimension_id) DO NOTHING`;

/** All days of the months with usage. */
const DAYS = `
  SELECT to_char(day, 'YYYY-MM-DD') AS day FROM (
    SELECT DISTINCT generate_series(at AT TIME ZONE 'UTC', at AT TIME ZONE 'UTC' + interval '1 month' - interval '1 day', interval '1 day') AS day
    FROM billing.usage_month) AS days ORDER BY day`;

/**
 * Fills what the migration before has made, day by day, each in a transaction of its own: bookings wait for the rows of
 * one day, half a second for 300,000 events of ten organisations, and a start that broke off does it again. Hours that
 * are deleted already are in no six hours; those are not read either.
 */
export class UsageSeriesFilled1799020800002 implements Migration {
  name = 'UsageSeriesFilled1799020800002';
  readonly readableFrom = '0.1.0';
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(DIMENSIONS);
    const days = (await runner.query(DAYS)) as { readonly day: string }[];
    for (const { day } of days) {
      await runner.startTransaction();
      try {
        await runner.query(STOP_BOOKINGS);
        for (const statement of FILLS) await runner.query(statement, [day]);
        await runner.commitTransaction();
      } catch (error) {
        await runner.rollbackTransaction();
        throw error;
      }
    }
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** How the roll-ups count calls whose price is not known, before and after events say so. */
const UNCOUNTED = 'NULL::bigint AS unpriced_requests';
const COUNTED = 'nullif(count(*) FILTER (WHERE unpriced), 0)::bigint AS unpriced_requests';

/** The function of the roll-ups as it stands, with the count of such calls. It fails if there is no place for it. */
const COUNT_UNPRICED = `DO $do$
  DECLARE definition text := pg_get_functiondef('billing.roll_up_usage()'::regprocedure);
  BEGIN
    IF position('${UNCOUNTED}' IN definition) = 0 THEN RAISE 'the roll-ups have no column for unpriced requests'; END IF;
    EXECUTE replace(definition, '${UNCOUNTED}', '${COUNTED}');
  END $do$`;

/**
 * Events say if a part of what was used has no known price, and the roll-ups count these. Events of the release before
 * have none: it served nothing without a price.
 */
export class Unpriced1797897600001 implements Migration {
  name = 'Unpriced1797897600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.usage_event ADD COLUMN unpriced boolean');
    await runner.query('ALTER TABLE billing.usage_event_facts ADD COLUMN unpriced boolean');
    await runner.query(COUNT_UNPRICED);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('calls without a price would look free'));
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { TAKE_OUT_SQL } from '../../usage/roll-ups/take-out-sql.js';

/** The locks of all organisations, as `lockOrganizations` takes them: whoever books waits, of every release. */
const STOP_BOOKINGS = 'SELECT pg_advisory_xact_lock(45329, bucket) FROM generate_series(0, 255) AS bucket';

/** What is done with the roll-ups when facts are inserted, and deleted. Triggers run in the order of their names. */
const INSERTED = ['take_out_untold_usage', 'roll_up_told_usage', 'remove_emptied_of_untold'];
const DELETED = ['take_out_told_usage', 'roll_up_untold_usage', 'remove_emptied_of_told'];

const triggersOf = (operation: 'INSERT' | 'DELETE', functions: readonly string[]): readonly string[] =>
  functions.map(
    (name, step) => `CREATE TRIGGER usage_event_facts_by_time_${operation.toLowerCase()}_${step + 1}
     AFTER ${operation} ON billing.usage_event_facts REFERENCING ${operation === 'INSERT' ? 'NEW' : 'OLD'} TABLE AS booked
     FOR EACH STATEMENT EXECUTE FUNCTION billing.${name}()`,
  );

/** Runs a trigger's function for all facts that there are. They are few: version 1 was written for a short time. */
const ofAllFacts = (name: string): string => `DO $do$
  BEGIN
    EXECUTE replace(
      substring(pg_get_functiondef('billing.${name}()'::regprocedure) FROM 'BEGIN(.*)RETURN NULL'),
      'FROM booked AS told', 'FROM billing.usage_event_facts AS told');
  END $do$`;

const UP = [
  STOP_BOOKINGS,
  ...TAKE_OUT_SQL,
  ...triggersOf('INSERT', INSERTED),
  ...triggersOf('DELETE', DELETED),
  ...INSERTED.map(ofAllFacts),
];

/**
 * A request that version 1 brought first is in usage by project, group and member, with its classes of tokens and its
 * times, once version 2 has told them: as if version 2 alone had been booked.
 */
export class FactsRolledUp1799280000002 implements Migration {
  name = 'FactsRolledUp1799280000002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('usage by project, group and member would be less than it was'));
  }
}

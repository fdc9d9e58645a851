import { FACTS_SQL } from './facts-sql.js';
import { ALL_FACTS, ROLL_UP_SUMS } from './roll-up-sql.js';

/** A function that adds inserted events to sums, and what makes one of it that takes deleted ones out again. */
interface Derived {
  readonly adds: string;
  readonly takesOut: string;
  /** A text of the function that adds, each of whose occurrences is replaced. */
  readonly from: string;
  readonly to: string;
}

/** The tables of the roll-ups. */
const TABLES = ['usage_minute', 'usage_quarter', 'usage_hour', 'usage_day', 'usage_month', 'usage_series'];

const DERIVED: readonly Derived[] = [
  {
    adds: 'roll_up_usage',
    takesOut: 'take_out_usage',
    // The sums of the events by minute, of which all other times are sums.
    from: 'FROM summed)',
    to: `FROM (SELECT organization_id, outcome, ${ALL_FACTS.join(', ')}, minute, ${ROLL_UP_SUMS.map(
      (column) => `-${column} AS ${column}`,
    ).join(', ')} FROM summed OFFSET 0) AS summed)`,
  },
  {
    adds: 'add_owner_usage_of_events',
    takesOut: 'take_out_owner_usage_of_events',
    from: 'sum(share)::bigint',
    to: '-sum(share)::bigint',
  },
  { adds: 'add_owner_usage', takesOut: 'take_out_owner_usage', from: 'sum(share)::bigint', to: '-sum(share)::bigint' },
];

const derivedSql = ({ adds, takesOut, from, to }: Derived): readonly string[] => [
  `DO $do$
    DECLARE definition text := pg_get_functiondef('billing.${adds}()'::regprocedure);
    BEGIN
      IF position($from$${from}$from$ IN definition) = 0 THEN RAISE 'billing.${adds} has other sums'; END IF;
      EXECUTE replace(replace(definition, 'billing.${adds}()', 'billing.${takesOut}()'), $from$${from}$from$, $to$${to}$to$);
    END $do$`,
  `REVOKE ALL ON FUNCTION billing.${takesOut}() FROM PUBLIC`,
];

/** No row is left of what nobody used: it would be listed with nothing but zeros. */
const EMPTIED = TABLES.map(
  (table) => `DELETE FROM billing.${table} AS emptied USING billing.usage_dimension AS d
     WHERE d.organization_id IN (SELECT organization_id FROM booked) AND d.outcome IN (SELECT outcome FROM booked)
       AND emptied.organization_id = d.organization_id AND emptied.dimension_id = d.dimension_id AND emptied.requests <= 0`,
);

/**
 * DDL: functions that take events out of the roll-ups as if they had never been booked. They are made of the functions
 * that add events, as these are now, so that both always count the same. With them come those that do both for what
 * version 2 tells later (`FACTS_SQL`). A migration that changes a function that adds events runs this again.
 */
export const TAKE_OUT_SQL: readonly string[] = [
  ...DERIVED.flatMap(derivedSql),
  `CREATE OR REPLACE FUNCTION billing.remove_emptied_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       ${EMPTIED.join(';\n       ')};
       RETURN NULL;
     END $$`,
  'REVOKE ALL ON FUNCTION billing.remove_emptied_usage() FROM PUBLIC',
  ...FACTS_SQL,
];

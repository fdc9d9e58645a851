import { eventWithFacts } from './event-facts.js';
import { idOf, startOf, summedEvents } from './roll-up-sql.js';

// Version 2 of a request that is booked by version 1 says more of it: whose it was, how long it took, what its tokens
// were. Then the event is taken out of the roll-ups as it was booked, and added with its facts. Where an orphan's facts
// are taken away, before its event is, it is done the other way round.

const FACTS_AND_EVENTS = 'FROM booked AS told JOIN billing.usage_event AS e USING (request_id, organization_id)';
/** The events of inserted or deleted facts, without and with these. */
const UNTOLD = `SELECT e.* ${FACTS_AND_EVENTS}`;
const TOLD = `SELECT ${eventWithFacts('told')} ${FACTS_AND_EVENTS}`;

/** Where the functions of the roll-ups read events. */
const FROM_EVENTS = 'FROM booked OFFSET 0';

/** The functions that roll up events, made of those that do so with `booked` events. */
const DERIVED = [
  ['roll_up_usage', 'roll_up_told_usage', TOLD],
  ['roll_up_usage', 'roll_up_untold_usage', UNTOLD],
  ['take_out_usage', 'take_out_told_usage', TOLD],
  ['take_out_usage', 'take_out_untold_usage', UNTOLD],
] as const;

const UNITS = ['minute', 'quarter', 'hour', 'day', 'month'] as const;
const SERIES_MINUTES = '(VALUES (15), (60), (360), (1440)) AS length (minutes)';

/** Removes the rows of these events of which nothing is left. */
const removeEmptied = (events: string): string => `
  WITH ${summedEvents(`(${events}) AS booked`, 'NULL::bigint')},
  gone AS MATERIALIZED (
    SELECT organization_id, minute, unnest(ARRAY[${(['full', 'models', 'owners', 'total'] as const)
      .map((grain) => idOf(grain))
      .join(', ')}]) AS dimension_id FROM summed),
  ${UNITS.map(
    (unit) => `of_${unit} AS (
    DELETE FROM billing.usage_${unit} AS emptied USING gone
    WHERE emptied.dimension_id = gone.dimension_id AND emptied.at = ${startOf(unit, 'gone.minute')} AND emptied.requests <= 0)`,
  ).join(',\n  ')}
  DELETE FROM billing.usage_series AS emptied USING gone, ${SERIES_MINUTES}
  WHERE emptied.organization_id = gone.organization_id AND emptied.grain IN ('models', 'total')
    AND emptied.minutes = length.minutes AND emptied.dimension_id = gone.dimension_id
    AND emptied.at = date_bin(length.minutes * interval '1 minute', gone.minute, '2000-01-01Z') AND emptied.requests <= 0`;

const REMOVING = [
  ['remove_emptied_of_told', TOLD],
  ['remove_emptied_of_untold', UNTOLD],
] as const;

/** DDL: the functions, for triggers of `billing.usage_event_facts`. */
export const FACTS_SQL: readonly string[] = [
  ...DERIVED.map(
    ([of, name, events]) => `DO $do$
    DECLARE definition text := pg_get_functiondef('billing.${of}()'::regprocedure);
    BEGIN
      IF position('${FROM_EVENTS}' IN definition) = 0 THEN RAISE 'billing.${of} reads other events'; END IF;
      EXECUTE replace(replace(definition, 'billing.${of}()', 'billing.${name}()'), '${FROM_EVENTS}', 'FROM (${events}) AS booked OFFSET 0');
    END $do$`,
  ),
  ...REMOVING.map(
    ([name, events]) => `CREATE OR REPLACE FUNCTION billing.${name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       ${removeEmptied(events)};
       RETURN NULL;
     END $$`,
  ),
  ...[...DERIVED.map(([, name]) => name), ...REMOVING.map(([name]) => name)].map(
    (name) => `REVOKE ALL ON FUNCTION billing.${name}() FROM PUBLIC`,
  ),
];

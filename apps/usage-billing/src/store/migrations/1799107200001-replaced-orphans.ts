import { rolesOf, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { TAKE_OUT_SQL } from '../../usage/roll-ups/take-out-sql.js';

const { allTenants } = rolesOf('billing');

const TRANSFERS = [
  // correct is the difference of a charge where a final took the place of an orphan's event. refund takes a fee back
  // whose cycle would have begun after the end of whom it is for; its request id is that of the fee.
  `ALTER TABLE billing.transfer DROP CONSTRAINT transfer_kind_known,
     ADD CONSTRAINT transfer_kind_known
       CHECK (kind IN ('post', 'void', 'adjust', 'platform_loss', 'opening', 'grant', 'expire', 'fee', 'correct', 'refund')) NOT VALID,
     DROP CONSTRAINT transfer_amount_not_negative,
     ADD CONSTRAINT transfer_amount_not_negative
       CHECK (CASE kind WHEN 'correct' THEN true WHEN 'refund' THEN amount_nano_usd < 0 ELSE amount_nano_usd >= 0 END) NOT VALID`,
];

const KEYS = [
  // How often what a key was charged was corrected: a key is told of once its requests or its corrections have grown.
  'ALTER TABLE billing.key_usage ADD COLUMN corrections bigint NOT NULL DEFAULT 0',
  'DROP INDEX billing.key_usage_unpublished',
  `CREATE INDEX key_usage_unpublished ON billing.key_usage (organization_id, api_key_id)
     WHERE requests + corrections > published_requests`,
];

const TAKING_OUT = [
  // The second exception of append-only tables: the function below takes out the events of orphans.
  `CREATE OR REPLACE FUNCTION billing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP = 'UPDATE' AND TG_TABLE_NAME LIKE 'usage\\_event%' AND current_setting('tollgate.erases_addresses', true) = 'on' THEN
       RETURN NULL;
     END IF;
     IF TG_OP = 'DELETE' AND TG_TABLE_NAME LIKE 'usage\\_event%' AND current_setting('tollgate.takes_out_orphans', true) = 'on' THEN
       RETURN NULL;
     END IF;
     RAISE EXCEPTION 'billing.% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
   END $$`,
  ...TAKE_OUT_SQL,
  // Sums of keys by day and of secrets. When and from where they were used last stays.
  `CREATE FUNCTION billing.take_out_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       UPDATE billing.key_usage_day AS known
         SET requests = known.requests - gone.requests, charge_nano_usd = known.charge_nano_usd - gone.charge
       FROM (
         SELECT api_key_id, CASE WHEN accounts->0->>'accountId' LIKE '%ly:____-__-__' THEN billing.counted_day(started_at, accounts)
             ELSE (started_at AT TIME ZONE 'UTC')::date END AS day, count(*) AS requests, sum(charge_nano_usd)::bigint AS charge
         FROM booked GROUP BY 1, 2) AS gone
       WHERE known.api_key_id = gone.api_key_id AND known.day = gone.day;
       UPDATE billing.secret_usage AS known
         SET requests = known.requests - gone.requests, charge_nano_usd = known.charge_nano_usd - gone.charge
       FROM (
         SELECT api_key_id, coalesce(secret_id, api_key_id) AS secret_id, count(*) AS requests, sum(charge_nano_usd)::bigint AS charge
         FROM booked GROUP BY 1, 2) AS gone
       WHERE known.api_key_id = gone.api_key_id AND known.secret_id = gone.secret_id;
       RETURN NULL;
     END $$`,
  'REVOKE ALL ON FUNCTION billing.take_out_events() FROM PUBLIC',
  // Triggers of one event run in the order of their names.
  ...[
    ['usage_event', 'taken_out', 'take_out_events'],
    ['usage_event', 'taken_out_by_time', 'take_out_usage'],
    ['usage_event', 'taken_out_by_time_whole', 'remove_emptied_usage'],
    ['usage_event', 'taken_out_of_owners', 'take_out_owner_usage_of_events'],
    ['usage_event_facts', 'taken_out_of_owners', 'take_out_owner_usage'],
  ].map(
    ([table, name, takesOut]) => `CREATE TRIGGER ${table}_${name} AFTER DELETE ON billing.${table}
     REFERENCING OLD TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION billing.${takesOut}()`,
  ),
  // Takes out the events of orphans, with what was told of them later, and returns how many. The difference of each
  // must be in the ledger already: without it nothing is taken out, whoever calls. The sums of a request that version 2
  // added facts to are found by its event, so the facts go first.
  `CREATE FUNCTION billing.take_out_orphans(ids uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     DECLARE
       orphans uuid[] := ARRAY(
         SELECT e.request_id FROM billing.usage_event AS e WHERE e.request_id = ANY(ids) AND e.outcome = 'orphaned'
           AND EXISTS (SELECT FROM billing.transfer AS t WHERE t.request_id = e.request_id AND t.kind = 'correct'));
     BEGIN
       PERFORM set_config('tollgate.takes_out_orphans', 'on', true);
       DELETE FROM billing.usage_event_facts WHERE request_id = ANY(orphans);
       DELETE FROM billing.usage_event WHERE request_id = ANY(orphans);
       PERFORM set_config('tollgate.takes_out_orphans', 'off', true);
       RETURN cardinality(orphans);
     END $$`,
  'REVOKE ALL ON FUNCTION billing.take_out_orphans(uuid[]) FROM PUBLIC',
  `GRANT EXECUTE ON FUNCTION billing.take_out_orphans(uuid[]) TO ${allTenants}`,
  // A grant that was closed has credit again where a call that it paid for turns out to cost less.
  `GRANT UPDATE (closed_at) ON billing.grant TO ${allTenants}`,
];

/** The final of a call takes the place of the event that was made for it as an orphan. */
export class ReplacedOrphans1799107200001 implements Migration {
  name = 'ReplacedOrphans1799107200001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TRANSFERS, ...KEYS, ...TAKING_OUT]) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was corrected would be charged as before'));
  }
}

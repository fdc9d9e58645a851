import { rolesOf, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const { allTenants } = rolesOf('billing');

const UP = [
  // The months before the last `kept` ones that still have a partition.
  `CREATE FUNCTION billing.usage_event_months_past(kept integer) RETURNS SETOF date LANGUAGE sql STABLE SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     SELECT month FROM (
       SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month
       FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'billing.usage_event'::regclass AND c.relname ~ '^usage_event_[0-9]{4}_[0-9]{2}$') AS made
     WHERE month < billing.this_month() - kept * interval '1 month' ORDER BY month
   $$`,
  // Takes a month away with its events; returns false if it is not there any more. Sums, accounts and transfers stay.
  // It locks as the function that makes a month does, so it is safe with several processes, and gives up behind others.
  `CREATE FUNCTION billing.drop_usage_event_month(month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
     DECLARE
       name text := 'usage_event_' || to_char(month, 'YYYY_MM');
     BEGIN
       IF month IS NULL OR month <> date_trunc('month', month) OR month >= billing.this_month() - interval '1 month' THEN
         RAISE EXCEPTION 'no month to take away: %', month USING ERRCODE = 'invalid_parameter_value';
       END IF;
       IF to_regclass(format('billing.%I', name)) IS NULL THEN RETURN false; END IF;
       LOCK TABLE billing.usage_event IN ACCESS EXCLUSIVE MODE;
       -- Another process may have taken it away meanwhile.
       IF to_regclass(format('billing.%I', name)) IS NULL THEN RETURN false; END IF;
       EXECUTE format('ALTER TABLE billing.usage_event DETACH PARTITION billing.%I', name);
       EXECUTE format('DROP TABLE billing.%I', name);
       ALTER TABLE billing.usage_event_facts DISABLE TRIGGER usage_event_facts_append_only;
       PERFORM set_config('tollgate.as_owner', 'on', true);
       DELETE FROM billing.usage_event_facts WHERE request_id >= billing.usage_event_bound(month)
         AND request_id < billing.usage_event_bound((month + interval '1 month')::date);
       PERFORM set_config('tollgate.as_owner', '', true);
       ALTER TABLE billing.usage_event_facts ENABLE TRIGGER usage_event_facts_append_only;
       RETURN true;
     END $$`,
  ...['usage_event_months_past(integer)', 'drop_usage_event_month(date)'].flatMap((name) => [
    `REVOKE ALL ON FUNCTION billing.${name} FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION billing.${name} TO ${allTenants}`,
  ]),
];

/** Single usage events are kept for as many months as the operator says; everything that is summed up stays. */
export class UsageEventRetention1797724800002 implements Migration {
  name = 'UsageEventRetention1797724800002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION billing.usage_event_months_past(integer), billing.drop_usage_event_month(date)');
  }
}

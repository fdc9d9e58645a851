import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

// The lock makes all inserts and reads wait until the rows have moved.
const ASIDE = [
  'LOCK TABLE billing.usage_event IN ACCESS EXCLUSIVE MODE',
  'ALTER TABLE billing.usage_event RENAME TO usage_event_in_one',
];

// The table gets its keys and indexes later: they are built faster once the rows are there.
const PARTITIONED = [
  `CREATE TABLE billing.usage_event
     (LIKE billing.usage_event_in_one INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)
     PARTITION BY RANGE (request_id)`,
  'CREATE TABLE billing.usage_event_default PARTITION OF billing.usage_event DEFAULT',
];

const FUNCTIONS = [
  // Returns the month, in UTC, in which a UUIDv7 was made; null for an id of another version.
  `CREATE FUNCTION billing.usage_event_month(request_id uuid) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS $$
     SELECT CASE WHEN substr(request_id::text, 15, 1) = '7' THEN date_trunc('month', to_timestamp(
       ('x' || substr(replace(request_id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) AT TIME ZONE 'UTC')::date END
   $$`,
  // Returns the lowest id that a month can have.
  `CREATE FUNCTION billing.usage_event_bound(month date) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
     SELECT rpad(lpad(to_hex((extract(epoch FROM month::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0')::uuid
   $$`,
  `CREATE FUNCTION billing.this_month() RETURNS date LANGUAGE sql STABLE AS $$
     SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date
   $$`,
  // A partition gets the grants of its table: some releases check their rights on every table at their start.
  `CREATE FUNCTION billing.copy_grants(source regclass, target regclass) RETURNS void LANGUAGE plpgsql
     SET search_path = pg_catalog, pg_temp AS $$
     DECLARE given record;
     BEGIN
       FOR given IN
         SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS grantable
         FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE c.oid = source AND a.grantee <> c.relowner
       LOOP
         EXECUTE format('GRANT %s ON %s TO %s%s', given.privilege_type, target, given.grantee, given.grantable);
       END LOOP;
     END $$`,
  // Makes the partition of a month and moves the events of that month into it; returns false if it exists already.
  // Every user of the schema may call it: it runs with the rights of its owner, but only for months close to now. The
  // table is locked meanwhile, so that no statement was planned without the new partition. If others hold the table for
  // longer than 2 s, it gives up, so that bookings do not queue behind it.
  `CREATE FUNCTION billing.make_usage_event_month(month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
     DECLARE
       name text := 'usage_event_' || to_char(month, 'YYYY_MM');
       first_id uuid := billing.usage_event_bound(month);
       end_id uuid := billing.usage_event_bound((month + interval '1 month')::date);
       this_month date := billing.this_month();
     BEGIN
       IF month IS NULL OR month <> date_trunc('month', month)
          OR month NOT BETWEEN this_month - interval '24 months' AND this_month + interval '12 months' THEN
         RAISE EXCEPTION 'no month to make a partition for: %', month USING ERRCODE = 'invalid_parameter_value';
       END IF;
       IF to_regclass(format('billing.%I', name)) IS NOT NULL THEN RETURN false; END IF;
       LOCK TABLE billing.usage_event IN ACCESS EXCLUSIVE MODE;
       -- Another process may have made it meanwhile.
       IF to_regclass(format('billing.%I', name)) IS NOT NULL THEN RETURN false; END IF;
       EXECUTE format('CREATE TABLE billing.%I (LIKE billing.usage_event INCLUDING ALL)', name);
       IF EXISTS (SELECT FROM billing.usage_event_default WHERE request_id >= first_id AND request_id < end_id) THEN
         ALTER TABLE billing.usage_event_default DISABLE TRIGGER usage_event_append_only;
         EXECUTE format('WITH moved AS (DELETE FROM billing.usage_event_default WHERE request_id >= $1 AND request_id < $2 RETURNING *)
           INSERT INTO billing.%I SELECT * FROM moved', name) USING first_id, end_id;
         ALTER TABLE billing.usage_event_default ENABLE TRIGGER usage_event_append_only;
       END IF;
       -- A trigger of the table is not asked about statements that name the partition.
       EXECUTE format('CREATE TRIGGER usage_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.%I
         FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()', name);
       EXECUTE format('ALTER TABLE billing.usage_event ATTACH PARTITION billing.%I FOR VALUES FROM (%L) TO (%L)', name, first_id, end_id);
       PERFORM billing.copy_grants('billing.usage_event', format('billing.%I', name)::regclass);
       RETURN true;
     END $$`,
  // Returns the months that still need a partition: this month and `ahead` months after it, and those with events in
  // the default partition, as far back as a partition can be made.
  `CREATE FUNCTION billing.usage_event_months_due(ahead integer) RETURNS SETOF date LANGUAGE sql STABLE SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     SELECT month FROM (
       SELECT (billing.this_month() + n * interval '1 month')::date AS month FROM generate_series(0, ahead) AS n
       UNION
       SELECT billing.usage_event_month(request_id) FROM billing.usage_event_default
       WHERE request_id >= billing.usage_event_bound((billing.this_month() - interval '24 months')::date)
         AND request_id < billing.usage_event_bound((billing.this_month() + (ahead + 1) * interval '1 month')::date)
     ) AS due
     WHERE month IS NOT NULL AND to_regclass('billing.usage_event_' || to_char(month, 'YYYY_MM')) IS NULL ORDER BY month
   $$`,
  // Counts the events in the default partition, up to `most`.
  `CREATE FUNCTION billing.usage_events_without_month(most integer) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     SELECT count(*) FROM (SELECT FROM billing.usage_event_default LIMIT most) AS counted
   $$`,
];

const appendOnly = (table: string): string =>
  `CREATE TRIGGER usage_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.${table}
   FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()`;

const GUARDED = [
  appendOnly('usage_event'),
  appendOnly('usage_event_default'),
  `SELECT billing.copy_grants('billing.usage_event_in_one', 'billing.usage_event'),
          billing.copy_grants('billing.usage_event_in_one', 'billing.usage_event_default')`,
];

const MOVED = [
  `SELECT billing.make_usage_event_month(month) FROM (
     SELECT DISTINCT billing.usage_event_month(request_id) AS month FROM billing.usage_event_in_one
     WHERE request_id >= billing.usage_event_bound((billing.this_month() - interval '24 months')::date)
       AND request_id < billing.usage_event_bound((billing.this_month() + interval '4 months')::date)
     UNION SELECT month FROM billing.usage_event_months_due(3) AS month
   ) AS due WHERE month IS NOT NULL`,
  'INSERT INTO billing.usage_event SELECT * FROM billing.usage_event_in_one',
  'DROP TABLE billing.usage_event_in_one',
  'ALTER TABLE billing.usage_event ADD CONSTRAINT usage_event_pk PRIMARY KEY (request_id)',
  'CREATE INDEX usage_event_by_key ON billing.usage_event (api_key_id, ended_at)',
  'ANALYZE billing.usage_event',
];

/**
 * Partitions usage events by the month of their requests, by ranges of the request id: a UUIDv7 begins with its time,
 * so the primary key stays the same. Other ids, and those of months far from now, go into a default partition; nothing
 * is refused. All is one transaction: a million events take about twenty seconds, during which bookings wait.
 * Statements name `billing.usage_event` as before.
 */
export class UsageEventMonths1795824000001 implements Migration {
  name = 'UsageEventMonths1795824000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...ASIDE, ...PARTITIONED, ...FUNCTIONS, ...GUARDED, ...MOVED])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('events are not moved back into one table by a migration'));
  }
}

import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const ACCOUNTS = [
  // The period of an account is a cycle of its key's limit, or without bounds. unheld is the part of posted that no
  // hold on the account was settled with. generation is the version of the key, or of the organisation, for which what
  // it was charged before its limit was loaded; 0 for an account that began with its limit.
  `ALTER TABLE billing.account
     ADD COLUMN credit_reset text NOT NULL DEFAULT 'never'
       CONSTRAINT account_credit_reset_known CHECK (credit_reset IN ('never', 'daily', 'weekly', 'monthly')),
     ADD COLUMN cycle_starts_at timestamptz,
     ADD COLUMN cycle_ends_at timestamptz,
     ADD COLUMN unheld_nano_usd bigint NOT NULL DEFAULT 0
       CONSTRAINT account_unheld_not_negative CHECK (unheld_nano_usd >= 0),
     ADD COLUMN generation bigint NOT NULL DEFAULT 0,
     ADD CONSTRAINT account_cycle_bounds CHECK (
       (credit_reset = 'never') = (cycle_starts_at IS NULL) AND (cycle_starts_at IS NULL) = (cycle_ends_at IS NULL))`,
  'UPDATE billing.account SET unheld_nano_usd = posted_nano_usd WHERE ceiling_nano_usd IS NULL',
  'CREATE INDEX account_by_key ON billing.account (api_key_id, cycle_ends_at) WHERE ceiling_nano_usd IS NOT NULL',
  // opening is what an account's key was charged before the account had a limit; its request id is its own.
  `ALTER TABLE billing.transfer DROP CONSTRAINT transfer_kind_known,
     ADD CONSTRAINT transfer_kind_known CHECK (kind IN ('post', 'void', 'adjust', 'platform_loss', 'opening'))`,
];

const ROLL_UPS = [
  // What each key was charged by day, in UTC: the sums of cycles are made of whole days.
  `CREATE TABLE billing.key_usage_day (
    api_key_id text NOT NULL,
    day date NOT NULL,
    organization_id text NOT NULL,
    requests bigint NOT NULL,
    charge_nano_usd bigint NOT NULL,
    CONSTRAINT key_usage_day_pk PRIMARY KEY (api_key_id, day)
  )`,
  // addresses are the last ten that the secret was used from, the newest first: [{"address", "lastUsedAt"}].
  `CREATE TABLE billing.secret_usage (
    api_key_id text NOT NULL,
    secret_id text NOT NULL,
    organization_id text NOT NULL,
    requests bigint NOT NULL,
    charge_nano_usd bigint NOT NULL,
    last_used_at timestamptz NOT NULL,
    last_used_from text NOT NULL,
    addresses jsonb NOT NULL,
    CONSTRAINT secret_usage_pk PRIMARY KEY (api_key_id, secret_id)
  )`,
  ...tenantTableSql({ schema: 'billing', table: 'key_usage_day', service: 'SELECT', allTenants: 'SELECT' }),
  ...tenantTableSql({ schema: 'billing', table: 'secret_usage', service: 'SELECT', allTenants: 'SELECT' }),
  'ALTER TABLE billing.usage_event ADD COLUMN secret_id text',
];

const FUNCTIONS = [
  // The day, in UTC, whose cycles a call counts in: that of its start, moved into the cycle that its credit was held
  // in. The clocks of a gateway and of admission may differ at the end of a cycle.
  `CREATE FUNCTION billing.counted_day(started_at timestamptz, accounts jsonb) RETURNS date LANGUAGE plpgsql IMMUTABLE
     SET search_path = pg_catalog, pg_temp AS $$
     DECLARE
       started date := (started_at AT TIME ZONE 'UTC')::date;
       cycle text[] := regexp_match(accounts->0->>'accountId', ':(daily|weekly|monthly):([0-9]{4}-[0-9]{2}-[0-9]{2})$');
       first date;
       next date;
     BEGIN
       IF cycle IS NULL OR accounts->0->>'capNanoUsd' IS NULL THEN RETURN started; END IF;
       first := cycle[2]::date;
       next := (first + CASE cycle[1] WHEN 'daily' THEN interval '1 day' WHEN 'weekly' THEN interval '7 days' ELSE interval '1 month' END)::date;
       RETURN greatest(first, least(started, next - 1));
     END $$`,
  // The ten newest addresses of two lists, each with its latest use.
  `CREATE FUNCTION billing.newest_addresses(one jsonb, other jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
     SET search_path = pg_catalog, pg_temp AS $$
     SELECT coalesce(jsonb_agg(jsonb_build_object('address', address, 'lastUsedAt', at) ORDER BY at DESC, address), '[]') FROM (
       SELECT used->>'address' AS address, max(used->>'lastUsedAt') AS at
       FROM jsonb_array_elements(one || other) AS used GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10) AS newest
   $$`,
  `CREATE FUNCTION billing.moment_text(moment timestamptz) RETURNS text LANGUAGE sql STABLE
     SET search_path = pg_catalog, pg_temp AS $$
     SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
   $$`,
  // Adds the events of one statement to the roll-ups. It runs with the rights of its owner, whoever books: processes of
  // the release before, which do not know these tables, too. An event of before secrets had ids was the first secret's.
  `CREATE FUNCTION billing.roll_up_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       INSERT INTO billing.key_usage_day AS known (api_key_id, day, organization_id, requests, charge_nano_usd)
       SELECT api_key_id, CASE WHEN accounts->0->>'accountId' LIKE '%ly:____-__-__' THEN billing.counted_day(started_at, accounts)
           ELSE (started_at AT TIME ZONE 'UTC')::date END,
         min(organization_id), count(*), sum(charge_nano_usd)::bigint
       FROM booked GROUP BY 1, 2 ORDER BY 1, 2
       ON CONFLICT (api_key_id, day) DO UPDATE SET requests = known.requests + EXCLUDED.requests,
         charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd;
       INSERT INTO billing.secret_usage AS known
         (api_key_id, secret_id, organization_id, requests, charge_nano_usd, last_used_at, last_used_from, addresses)
       SELECT api_key_id, secret_id, min(organization_id), sum(requests), sum(charge)::bigint, max(at),
         (array_agg(address ORDER BY at DESC))[1],
         coalesce(jsonb_agg(jsonb_build_object('address', address, 'lastUsedAt', billing.moment_text(at)) ORDER BY at DESC, address)
           FILTER (WHERE address <> '' AND place <= 10), '[]')
       FROM (
         SELECT *, row_number() OVER (PARTITION BY api_key_id, secret_id ORDER BY address = '', at DESC, address) AS place FROM (
           SELECT api_key_id, coalesce(secret_id, api_key_id) AS secret_id, client_address AS address,
             min(organization_id) AS organization_id, count(*) AS requests, sum(charge_nano_usd) AS charge, max(ended_at) AS at
           FROM booked GROUP BY 1, 2, 3) AS of_addresses) AS placed
       GROUP BY 1, 2 ORDER BY 1, 2
       ON CONFLICT (api_key_id, secret_id) DO UPDATE SET requests = known.requests + EXCLUDED.requests,
         charge_nano_usd = known.charge_nano_usd + EXCLUDED.charge_nano_usd,
         last_used_at = greatest(known.last_used_at, EXCLUDED.last_used_at),
         last_used_from = CASE WHEN EXCLUDED.last_used_at >= known.last_used_at THEN EXCLUDED.last_used_from ELSE known.last_used_from END,
         addresses = billing.newest_addresses(known.addresses, EXCLUDED.addresses);
       RETURN NULL;
     END $$`,
  'REVOKE ALL ON FUNCTION billing.roll_up_events() FROM PUBLIC',
  // The trigger of the table sees the rows of all partitions. Making it stops bookings until the roll-ups are filled.
  `CREATE TRIGGER usage_event_rolled_up AFTER INSERT ON billing.usage_event REFERENCING NEW TABLE AS booked
     FOR EACH STATEMENT EXECUTE FUNCTION billing.roll_up_events()`,
];

const FILLED = [
  `INSERT INTO billing.key_usage_day (api_key_id, day, organization_id, requests, charge_nano_usd)
   SELECT api_key_id, (started_at AT TIME ZONE 'UTC')::date, min(organization_id), count(*), sum(charge_nano_usd)::bigint
   FROM billing.usage_event GROUP BY 1, 2`,
  `INSERT INTO billing.secret_usage
     (api_key_id, secret_id, organization_id, requests, charge_nano_usd, last_used_at, last_used_from, addresses)
   SELECT api_key_id, api_key_id, organization_id, requests, charge_nano_usd, last_used_at, last_used_from,
     CASE last_used_from WHEN '' THEN '[]' ELSE jsonb_build_array(jsonb_build_object('address', last_used_from,
       'lastUsedAt', billing.moment_text(last_used_at))) END
   FROM billing.key_usage`,
];

const PUBLISHED = [
  // How many requests the last message about the key on the bus counted. Any change of the sums adds a request.
  'ALTER TABLE billing.key_usage ADD COLUMN published_requests bigint NOT NULL DEFAULT 0',
  'CREATE INDEX key_usage_unpublished ON billing.key_usage (organization_id, api_key_id) WHERE requests > published_requests',
];

/**
 * Accounts count in cycles and from what was charged before they had a limit; sums by day and by secret are kept by a
 * trigger, so that those of events that the release before books are not missing.
 */
export class AccountsInCycles1797033600001 implements Migration {
  name = 'AccountsInCycles1797033600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...ACCOUNTS, ...ROLL_UPS, ...FUNCTIONS, ...FILLED, ...PUBLISHED])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what is charged to an account does not lose its period by a migration'));
  }
}

import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const EVENTS = [
  `CREATE TABLE billing.usage_event (
    request_id uuid CONSTRAINT usage_event_pk PRIMARY KEY,
    organization_id text NOT NULL,
    api_key_id text NOT NULL,
    journal_id text NOT NULL,
    journal_number bigint NOT NULL,
    outcome text NOT NULL,
    route text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    stream boolean NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    usage_source text NOT NULL,
    cost_nano_usd bigint NOT NULL,
    charge_nano_usd bigint NOT NULL,
    hold_nano_usd bigint,
    accounts jsonb NOT NULL,
    price_version text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    client_address text NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT usage_event_charge_bounds CHECK (charge_nano_usd BETWEEN 0 AND cost_nano_usd)
  )`,
  'CREATE INDEX usage_event_by_key ON billing.usage_event (api_key_id, ended_at)',
  // The roll-up by key serves lists of keys and totals without a period.
  `CREATE TABLE billing.key_usage (
    api_key_id text CONSTRAINT key_usage_pk PRIMARY KEY,
    organization_id text NOT NULL,
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost_nano_usd bigint NOT NULL,
    charge_nano_usd bigint NOT NULL,
    last_used_at timestamptz NOT NULL,
    last_used_from text NOT NULL
  )`,
];

const LEDGER = [
  // cap is the cap of the last event. ceiling is the most that was ever allowed to be posted; null if never capped. It
  // never falls, so that lowering a cap below what is posted does not violate the constraint.
  `CREATE TABLE billing.account (
    account_id text CONSTRAINT account_pk PRIMARY KEY,
    organization_id text NOT NULL,
    api_key_id text,
    cap_nano_usd bigint,
    posted_nano_usd bigint NOT NULL CONSTRAINT account_posted_not_negative CHECK (posted_nano_usd >= 0),
    ceiling_nano_usd bigint,
    CONSTRAINT account_posted_within_ceiling CHECK (posted_nano_usd <= ceiling_nano_usd)
  )`,
  'CREATE INDEX account_by_organization ON billing.account (organization_id)',
  // Kinds: post is a charge. void releases a hold without an event (its amount is the hold). adjust is the charge of an
  // event that came after the void. platform_loss is what the provider charged and no customer pays.
  `CREATE TABLE billing.transfer (
    request_id uuid NOT NULL,
    account_id text NOT NULL,
    kind text NOT NULL CONSTRAINT transfer_kind_known CHECK (kind IN ('post', 'void', 'adjust', 'platform_loss')),
    amount_nano_usd bigint NOT NULL CONSTRAINT transfer_amount_not_negative CHECK (amount_nano_usd >= 0),
    note text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transfer_pk PRIMARY KEY (request_id, account_id, kind)
  )`,
  `CREATE UNIQUE INDEX transfer_one_resolution ON billing.transfer (request_id, account_id) WHERE kind IN ('post', 'void')`,
];

/** Triggers keep these tables append-only for every database user. */
const APPEND_ONLY = [
  `CREATE FUNCTION billing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN RAISE EXCEPTION 'billing.% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$`,
  ...['transfer', 'usage_event'].map(
    (table) =>
      `CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.${table}
     FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()`,
  ),
];

const CONSUMING = [
  `CREATE TABLE billing.consumer_offset (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    CONSTRAINT consumer_offset_pk PRIMARY KEY (topic, partition)
  )`,
  // log_offset is null if the bus keeps no log.
  `CREATE TABLE billing.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT quarantine_pk PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    log_offset bigint,
    value bytea NOT NULL,
    reason text NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT quarantine_once UNIQUE (topic, partition, log_offset)
  )`,
  // The highest number booked of each journal, by organisation. The announcements of an epoch begin after it.
  `CREATE TABLE billing.journal_progress (
    organization_id text NOT NULL,
    journal_id text NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT journal_progress_pk PRIMARY KEY (organization_id, journal_id)
  )`,
];

const GATEWAYS = [
  // gone_at is set when the instance counts as gone, resolved_at when its open holds are resolved.
  `CREATE TABLE billing.gateway_instance (
    instance_id text CONSTRAINT gateway_instance_pk PRIMARY KEY,
    journal_id text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    gone_at timestamptz,
    resolved_at timestamptz,
    CONSTRAINT gateway_instance_resolved_when_gone CHECK (resolved_at IS NULL OR gone_at IS NOT NULL)
  )`,
  `CREATE UNIQUE INDEX gateway_instance_one_for_a_journal ON billing.gateway_instance (journal_id) WHERE gone_at IS NULL`,
  // Organisations that may have an epoch. waiting_for has the instances that the last opened epoch waited for.
  `CREATE TABLE billing.credit_epoch (
    organization_id text CONSTRAINT credit_epoch_pk PRIMARY KEY,
    epoch_id uuid,
    opened_at timestamptz,
    waiting_for text[] NOT NULL DEFAULT '{}'
  )`,
];

export class Billing1795190400001 implements Migration {
  name = 'Billing1795190400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...EVENTS, ...LEDGER, ...APPEND_ONLY, ...CONSUMING, ...GATEWAYS])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('the ledger is not dropped by a migration'));
  }
}

import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const ALERTS = [
  // An organisation without a row has the settings that the column defaults give.
  `CREATE TABLE billing.alert_settings (
    organization_id text CONSTRAINT alert_settings_pk PRIMARY KEY,
    levels smallint[] NOT NULL DEFAULT '{80,90,100}',
    emails text[] NOT NULL DEFAULT '{}',
    unusual_spend boolean NOT NULL DEFAULT true,
    unusual_floor_nano_usd bigint NOT NULL DEFAULT 1000000000
      CONSTRAINT alert_settings_floor_not_negative CHECK (unusual_floor_nano_usd >= 0)
  )`,
  // A level is crossed once in the life of an account, whose id names its cycle, until it is armed again. A level that
  // was jumped over has its row too, and nobody is told of it. Of unusual spending there is one a day for each key.
  `CREATE TABLE billing.alert (
    organization_id text NOT NULL,
    id uuid CONSTRAINT alert_pk PRIMARY KEY,
    kind text NOT NULL CONSTRAINT alert_kind_known CHECK (kind IN ('credit_threshold', 'unusual_spend')),
    account_id text NOT NULL,
    api_key_id text,
    level smallint,
    reason text NOT NULL CONSTRAINT alert_reason_known CHECK (reason IN ('posted', 'refused', 'spending')),
    used_nano_usd bigint NOT NULL,
    limit_nano_usd bigint NOT NULL,
    day date,
    told boolean NOT NULL,
    raised_at timestamptz NOT NULL,
    armed_again_at timestamptz,
    CONSTRAINT alert_kind_complete CHECK ((kind = 'credit_threshold') = (level IS NOT NULL) AND (kind = 'unusual_spend') = (day IS NOT NULL))
  )`,
  `CREATE UNIQUE INDEX alert_level_once ON billing.alert (account_id, level)
     WHERE kind = 'credit_threshold' AND armed_again_at IS NULL`,
  `CREATE UNIQUE INDEX alert_day_once ON billing.alert (account_id, day) WHERE kind = 'unusual_spend'`,
  'CREATE INDEX alert_listed ON billing.alert (organization_id, raised_at, id) WHERE told',
  // One mail for each alert and recipient. Recipients are found after the alert was committed.
  `CREATE TABLE billing.alert_mail (
    organization_id text NOT NULL,
    id uuid CONSTRAINT alert_mail_pk PRIMARY KEY,
    alert_id uuid NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    abandoned_at timestamptz,
    CONSTRAINT alert_mail_once UNIQUE (alert_id, recipient)
  )`,
  `CREATE INDEX alert_mail_waiting ON billing.alert_mail (next_attempt_at, id) WHERE sent_at IS NULL AND abandoned_at IS NULL`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'alert_settings',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT',
  }),
  ...tenantTableSql({ schema: 'billing', table: 'alert', service: 'SELECT', allTenants: 'SELECT, INSERT, UPDATE' }),
  ...tenantTableSql({
    schema: 'billing',
    table: 'alert_mail',
    service: 'SELECT (organization_id)',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
  // What keys spent today is looked through by day.
  'CREATE INDEX key_usage_day_by_day ON billing.key_usage_day (day, api_key_id)',
];

const WEBHOOKS = [
  // A secret is sealed. While it is replaced, bodies are signed with both.
  `CREATE TABLE billing.webhook (
    organization_id text NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    description text,
    secret text NOT NULL,
    former_secret text,
    former_secret_until timestamptz,
    disabled_at timestamptz,
    disabled_reason text CONSTRAINT webhook_disabled_reason_known CHECK (disabled_reason IN ('by_hand', 'gone')),
    created_at timestamptz NOT NULL,
    version integer NOT NULL,
    CONSTRAINT webhook_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT webhook_disabled_with_reason CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CONSTRAINT webhook_former_secret_ends CHECK ((former_secret IS NULL) = (former_secret_until IS NULL))
  )`,
  // body is what is signed and sent. message_id names what happened: it comes to each webhook once.
  `CREATE TABLE billing.webhook_delivery (
    organization_id text NOT NULL,
    id uuid CONSTRAINT webhook_delivery_pk PRIMARY KEY,
    webhook_id uuid NOT NULL,
    message_id text NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    state text NOT NULL DEFAULT 'pending'
      CONSTRAINT webhook_delivery_state_known CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    retried_since timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    last_attempt_at timestamptz,
    last_status integer,
    last_error text,
    last_duration_ms integer,
    created_at timestamptz NOT NULL,
    CONSTRAINT webhook_delivery_of_webhook FOREIGN KEY (organization_id, webhook_id)
      REFERENCES billing.webhook (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_delivery_once UNIQUE (webhook_id, message_id)
  )`,
  `CREATE INDEX webhook_delivery_due ON billing.webhook_delivery (next_attempt_at, id) WHERE state = 'pending'`,
  `CREATE INDEX webhook_delivery_pending ON billing.webhook_delivery (webhook_id, leased_until) WHERE state = 'pending'`,
  'CREATE INDEX webhook_delivery_listed ON billing.webhook_delivery (organization_id, webhook_id, created_at, id)',
  'CREATE INDEX webhook_delivery_by_age ON billing.webhook_delivery (created_at)',
  ...tenantTableSql({
    schema: 'billing',
    table: 'webhook',
    service: 'SELECT, INSERT, UPDATE, DELETE',
    allTenants: 'SELECT, UPDATE',
  }),
  ...tenantTableSql({
    schema: 'billing',
    table: 'webhook_delivery',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT, INSERT, UPDATE, DELETE',
  }),
];

/** Alerts about limits and unusual spending, their mails, and the webhooks of organisations with what they are sent. */
export class Alerts1797811200001 implements Migration {
  name = 'Alerts1797811200001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...ALERTS, ...WEBHOOKS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('alerts that were told are not forgotten by a migration'));
  }
}

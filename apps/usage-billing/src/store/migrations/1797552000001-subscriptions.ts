import { commonTableSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** The most that an account may hold in a cycle: 9,000,000 USD. */
const CAP = '9000000000000000';
const amount = (column: string, name: string): string =>
  `${column} bigint NOT NULL CONSTRAINT ${name} CHECK (${column} BETWEEN 0 AND ${CAP})`;
const limit = (column: string): string =>
  `${column} integer CONSTRAINT plan_version_${column}_positive CHECK (${column} > 0)`;

/**
 * Plans belong to the installation. What one offers is in its versions, which are kept: subscriptions count by the
 * version that their cycle began with.
 */
const PLANS = [
  `CREATE TABLE billing.plan (
    id uuid CONSTRAINT plan_pk PRIMARY KEY,
    name text NOT NULL,
    folded_name text NOT NULL,
    source text NOT NULL CONSTRAINT plan_source_known CHECK (source IN ('config', 'api')),
    self_service boolean NOT NULL,
    version integer NOT NULL CONSTRAINT plan_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    archived_at timestamptz
  )`,
  'CREATE UNIQUE INDEX plan_name_unique ON billing.plan (folded_name) WHERE archived_at IS NULL',
  'CREATE INDEX plan_newest ON billing.plan (created_at, id)',
  `CREATE TABLE billing.plan_version (
    plan_id uuid NOT NULL CONSTRAINT plan_version_of_plan REFERENCES billing.plan (id),
    version integer NOT NULL,
    from_at timestamptz NOT NULL,
    ${amount('quota_nano_usd', 'plan_version_quota_bounds')},
    ${amount('price_nano_usd', 'plan_version_price_bounds')},
    markup_millionths integer CONSTRAINT plan_version_markup_not_negative CHECK (markup_millionths >= 0),
    models text[] CONSTRAINT plan_version_models_some CHECK (cardinality(models) > 0),
    ${limit('requests_per_minute')},
    ${limit('tokens_per_minute')},
    ${limit('parallel_requests')},
    payg_allowed boolean NOT NULL,
    CONSTRAINT plan_version_pk PRIMARY KEY (plan_id, version)
  )`,
  ...commonTableSql({
    schema: 'billing',
    table: 'plan',
    service: 'SELECT, INSERT, UPDATE (name, folded_name, self_service, version, archived_at)',
    allTenants: 'SELECT',
  }),
  ...commonTableSql({ schema: 'billing', table: 'plan_version', service: 'SELECT, INSERT', allTenants: 'SELECT' }),
];

/**
 * Subscriptions. made_at is null until the key is made; abandoned_at says that it could not be. due_at is when the
 * subscription must be looked at next: its next cycle begins, its plan was changed, or its key is still to be made.
 * told is what its key was told last. request_scope and request_fingerprint name the request that made it, and
 * sealed_secret is kept for a day for its repetitions.
 */
const SUBSCRIPTIONS = [
  `CREATE TABLE billing.subscription (
    organization_id text NOT NULL,
    id uuid NOT NULL,
    member_id uuid,
    api_key_id uuid NOT NULL,
    masked_key text,
    plan_id uuid NOT NULL CONSTRAINT subscription_plan REFERENCES billing.plan (id),
    next_plan_id uuid CONSTRAINT subscription_next_plan REFERENCES billing.plan (id),
    anchor timestamptz NOT NULL CONSTRAINT subscription_anchor_whole_second CHECK (anchor = date_trunc('second', anchor)),
    ends_at timestamptz,
    payg_enabled boolean NOT NULL,
    payg_limit_nano_usd bigint CONSTRAINT subscription_payg_bounds CHECK (payg_limit_nano_usd BETWEEN 0 AND ${CAP}),
    version integer NOT NULL CONSTRAINT subscription_version_positive CHECK (version > 0),
    told jsonb,
    created_at timestamptz NOT NULL,
    made_at timestamptz,
    abandoned_at timestamptz,
    due_at timestamptz,
    request_scope text,
    request_fingerprint bytea,
    sealed_secret text,
    CONSTRAINT subscription_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT subscription_id_unique UNIQUE (id),
    CONSTRAINT subscription_key_unique UNIQUE (api_key_id),
    CONSTRAINT subscription_one_outcome CHECK (made_at IS NULL OR abandoned_at IS NULL)
  )`,
  'CREATE INDEX subscription_newest ON billing.subscription (organization_id, created_at DESC, id DESC)',
  'CREATE INDEX subscription_due ON billing.subscription (due_at) WHERE due_at IS NOT NULL',
  'CREATE INDEX subscription_of_plan ON billing.subscription (plan_id)',
  'CREATE INDEX subscription_of_next_plan ON billing.subscription (next_plan_id) WHERE next_plan_id IS NOT NULL',
  'CREATE INDEX subscription_of_request ON billing.subscription (organization_id, request_scope) WHERE request_scope IS NOT NULL',
  'CREATE INDEX subscription_sealed ON billing.subscription (created_at) WHERE sealed_secret IS NOT NULL',
  ...tenantTableSql({
    schema: 'billing',
    table: 'subscription',
    service: 'SELECT, INSERT, UPDATE',
    allTenants: 'SELECT, UPDATE (due_at, sealed_secret)',
  }),
];

/**
 * What was charged for cycles, one row each: the price of a cycle, and parts of it for changes in its middle. The id is
 * the request id of its transfer, of kind fee.
 */
const CHARGES = [
  `CREATE TABLE billing.subscription_charge (
    organization_id text NOT NULL,
    subscription_id uuid NOT NULL,
    number integer NOT NULL CONSTRAINT subscription_charge_number_not_negative CHECK (number >= 0),
    sequence integer NOT NULL CONSTRAINT subscription_charge_sequence_not_negative CHECK (sequence >= 0),
    id uuid NOT NULL CONSTRAINT subscription_charge_id_unique UNIQUE,
    at timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    plan_id uuid NOT NULL,
    plan_version integer NOT NULL,
    ${amount('quota_nano_usd', 'subscription_charge_quota_bounds')},
    ${amount('amount_nano_usd', 'subscription_charge_amount_bounds')},
    CONSTRAINT subscription_charge_pk PRIMARY KEY (organization_id, subscription_id, number, sequence),
    CONSTRAINT subscription_charge_cycle CHECK (starts_at < ends_at),
    CONSTRAINT subscription_charge_of_subscription
      FOREIGN KEY (organization_id, subscription_id) REFERENCES billing.subscription (organization_id, id),
    CONSTRAINT subscription_charge_of_version
      FOREIGN KEY (plan_id, plan_version) REFERENCES billing.plan_version (plan_id, version)
  )`,
  ...tenantTableSql({
    schema: 'billing',
    table: 'subscription_charge',
    service: 'SELECT, INSERT',
    allTenants: 'SELECT',
  }),
  ...['subscription_charge', 'plan_version'].map(
    (table) =>
      `CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.${table}
         FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()`,
  ),
];

/** Plans, the subscriptions to them, and what these cost. The release before knows none of it. */
export class Subscriptions1797552000001 implements Migration {
  name = 'Subscriptions1797552000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...PLANS, ...SUBSCRIPTIONS, ...CHARGES]) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was subscribed to is not forgotten by a migration'));
  }
}

import { commonTableSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const REFUSED = [
  // What each process of a gateway told: the highest sum of each minute counts.
  `CREATE TABLE billing.refused_minute (
    organization_id text NOT NULL,
    at timestamptz NOT NULL,
    api_key_id text NOT NULL,
    code text NOT NULL,
    instance_id text NOT NULL,
    calls bigint NOT NULL,
    CONSTRAINT refused_minute_pk PRIMARY KEY (organization_id, at, api_key_id, code, instance_id)
  )`,
  'CREATE INDEX refused_minute_by_time ON billing.refused_minute (at)',
  ...['quarter', 'day'].map(
    (unit) => `CREATE TABLE billing.refused_${unit} (
      organization_id text NOT NULL,
      at timestamptz NOT NULL,
      api_key_id text NOT NULL,
      code text NOT NULL,
      calls bigint NOT NULL,
      CONSTRAINT refused_${unit}_pk PRIMARY KEY (organization_id, at, api_key_id, code)
    )`,
  ),
  'CREATE INDEX refused_quarter_by_time ON billing.refused_quarter (at)',
];

/** For the sums of an organisation over less than all of its time. */
const INDEXES = ['hour', 'day', 'month'].map(
  (unit) => `CREATE INDEX usage_${unit}_by_organization ON billing.usage_${unit} (organization_id, at)`,
);

const BOOKED = 'SELECT, INSERT, UPDATE';

const NAMES = [
  // The last known names of what usage is grouped by: they stay when the key, the group or the member is gone.
  `CREATE TABLE billing.usage_name (
    organization_id text NOT NULL,
    kind text NOT NULL CONSTRAINT usage_name_kind_known CHECK (kind IN ('api_key', 'group', 'project', 'member')),
    id text NOT NULL,
    name text NOT NULL,
    CONSTRAINT usage_name_pk PRIMARY KEY (organization_id, kind, id)
  )`,
  // Whether the names of what these facts say were asked for.
  'ALTER TABLE billing.usage_dimension ADD COLUMN is_named boolean NOT NULL DEFAULT false',
  `CREATE INDEX usage_dimension_unnamed ON billing.usage_dimension (organization_id) WHERE grain = 'owners' AND NOT is_named`,
  ...commonTableSql({ schema: 'billing', table: 'usage_dimension', allTenants: 'UPDATE (is_named)' }),
];

const RIGHTS = [
  { schema: 'billing', table: 'refused_minute', service: 'SELECT', allTenants: `${BOOKED}, DELETE` },
  { schema: 'billing', table: 'refused_quarter', service: 'SELECT', allTenants: `${BOOKED}, DELETE` },
  { schema: 'billing', table: 'refused_day', service: 'SELECT', allTenants: BOOKED },
  { schema: 'billing', table: 'usage_name', service: BOOKED, allTenants: BOOKED },
] as const;

/** Calls that gateways refused, by minute, quarter-hour and day, and the names of what usage is grouped by. */
export class RefusedCalls1797638400002 implements Migration {
  name = 'RefusedCalls1797638400002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...REFUSED, ...INDEXES, ...NAMES, ...RIGHTS.flatMap((table) => tenantTableSql(table))])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE billing.usage_dimension DROP COLUMN is_named');
    for (const unit of ['hour', 'day', 'month']) await runner.query(`DROP INDEX billing.usage_${unit}_by_organization`);
    await runner.query(
      'DROP TABLE billing.refused_minute, billing.refused_quarter, billing.refused_day, billing.usage_name',
    );
  }
}

import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** What `usage.recorded.v2` has and version 1 has not. All of it is absent in events of version 1. */
const FACTS = `
  text_input_tokens bigint,
  audio_input_tokens bigint,
  image_input_tokens bigint,
  cached_text_tokens bigint,
  cached_audio_tokens bigint,
  cache_write5m_tokens bigint,
  cache_write1h_tokens bigint,
  text_output_tokens bigint,
  audio_output_tokens bigint,
  image_output_tokens bigint,
  tool_calls jsonb,
  passes jsonb,
  price_lines jsonb,
  tier_served text,
  speed_served text,
  inference_geo text,
  model_served text,
  status_code bigint,
  first_byte_ms bigint,
  duration_ms bigint,
  project_id text,
  member_id text,
  group_ids jsonb,
  route_group_id text`
  .trim()
  .split(/,\s*/);

const UP = [
  // Months that are made later are like the table, so they have the columns too.
  `ALTER TABLE billing.usage_event ${FACTS.map((column) => `ADD COLUMN ${column}`).join(', ')}`,
  // An event that is booked never changes. What version 2 adds to one that was booked by version 1 is here; few are.
  `CREATE TABLE billing.usage_event_facts (
    request_id uuid CONSTRAINT usage_event_facts_pk PRIMARY KEY,
    organization_id text NOT NULL,
    ${FACTS.join(', ')},
    told_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE TRIGGER usage_event_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.usage_event_facts
     FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change()`,
  ...tenantTableSql({ schema: 'billing', table: 'usage_event_facts', service: 'SELECT', allTenants: 'SELECT, INSERT' }),
];

const DOWN = [
  'DROP TABLE billing.usage_event_facts',
  `ALTER TABLE billing.usage_event ${FACTS.map((column) => `DROP COLUMN ${column.split(' ')[0]}`).join(', ')}`,
];

/** Usage events have the classes of their tokens, their price lines, and what served them. */
export class UsageClasses1797206400001 implements Migration {
  name = 'UsageClasses1797206400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

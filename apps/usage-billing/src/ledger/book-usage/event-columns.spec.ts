import { readFileSync } from 'node:fs';
import { USAGE_RECORDED_V2_FIELDS, usageRecorded } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import type { Booking } from './decide-booking.js';
import { EVENT_COLUMNS, FACT_COLUMNS } from './event-columns.js';

const golden = (name: string) =>
  usageRecorded.parse(
    JSON.parse(
      readFileSync(
        new URL(`../../../../../libs/domain/contracts/src/events/golden/${name}.json`, import.meta.url),
        'utf8',
      ),
    ),
  );
const rowOf = (name: string) => {
  const booking = { event: golden(name), chargeNanoUsd: 7n } as unknown as Booking;
  return Object.fromEntries(EVENT_COLUMNS.map(([column, , value]) => [column, value(booking)]));
};
/** What the second version of the event has and the first has not. */
const FACTS = [
  'text_input_tokens bigint',
  'audio_input_tokens bigint',
  'image_input_tokens bigint',
  'cached_text_tokens bigint',
  'cached_audio_tokens bigint',
  'cache_write5m_tokens bigint',
  'cache_write1h_tokens bigint',
  'text_output_tokens bigint',
  'audio_output_tokens bigint',
  'image_output_tokens bigint',
  'tool_calls jsonb',
  'passes jsonb',
  'price_lines jsonb',
  'tier_served text',
  'speed_served text',
  'inference_geo text',
  'model_served text',
  'status_code bigint',
  'first_byte_ms bigint',
  'duration_ms bigint',
  'project_id text',
  'member_id text',
  'group_ids jsonb',
  'route_group_id text',
  'billable_nano_usd bigint',
  'unpriced boolean',
  'other_route_group_ids jsonb',
];

describe('the columns of a booked event', () => {
  it('are those that the ledger has had since its first release, the secret, and what version 2 adds', () => {
    expect(EVENT_COLUMNS.map(([name, type]) => `${name} ${type}`)).toEqual([
      'request_id uuid',
      'organization_id text',
      'api_key_id text',
      'journal_id text',
      'journal_number bigint',
      'outcome text',
      'route text',
      'provider text',
      'model text',
      'stream boolean',
      'input_tokens bigint',
      'output_tokens bigint',
      'cached_input_tokens bigint',
      'reasoning_tokens bigint',
      'usage_source text',
      'cost_nano_usd bigint',
      'charge_nano_usd bigint',
      'hold_nano_usd bigint',
      'accounts jsonb',
      'price_version text',
      'started_at timestamptz',
      'ended_at timestamptz',
      'client_address text',
      'secret_id text',
      ...FACTS,
    ]);
    expect(FACT_COLUMNS.map(([name, type]) => `${name} ${type}`)).toEqual([
      'request_id uuid',
      'organization_id text',
      ...FACTS,
    ]);
  });
  it('hold each field of the event but the number of its version', () => {
    const second = rowOf('usage-recorded.v2');
    expect(second).toMatchObject({ charge_nano_usd: '7', cache_write1h_tokens: 4000, tier_served: 'priority' });
    expect(second['project_id']).not.toBeNull();
    expect(JSON.parse(second['tool_calls'] as string)).toEqual([{ tool: 'web_search', calls: 2 }]);
    const first = rowOf('usage-recorded.v1');
    expect(FACTS.map((column) => first[column.split(' ')[0]!])).toEqual(FACTS.map(() => null));
    expect(EVENT_COLUMNS).toHaveLength(Object.keys(USAGE_RECORDED_V2_FIELDS).length - 1);
  });
});

import { USAGE_RECORDED_V1_FIELDS } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { EVENT_COLUMNS } from './event-columns.js';

describe('the columns of a booked event', () => {
  it('are those that the ledger has had since its first release, and the secret', () => {
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
    ]);
  });
  it('hold each field of the event but the number of its version', () => {
    expect(EVENT_COLUMNS).toHaveLength(Object.keys(USAGE_RECORDED_V1_FIELDS).length - 1);
  });
});

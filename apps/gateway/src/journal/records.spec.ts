import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { intentSchema, progressSchema } from './records.js';

const {
  journalNumber: _number,
  outcome: _outcome,
  inputTokens: _input,
  outputTokens: _output,
  cachedInputTokens: _cached,
  reasoningTokens: _reasoning,
  usageSource: _source,
  costNanoUsd: _cost,
  chargeNanoUsd: _charge,
  endedAt: _ended,
  ...event
} = JSON.parse(
  readFileSync(
    new URL('../../../../libs/domain/contracts/src/events/golden/usage-recorded.v1.json', import.meta.url),
    'utf8',
  ),
) as Record<string, unknown>;
const intent = {
  event,
  inputTokensEstimate: 17,
  inputNanoUsdPerMillion: '150000000',
  outputNanoUsdPerMillion: '600000000',
};

/** A gateway may be set back to the release before, which then reads the journal of the later one. */
describe('a record of the journal, written by a later release', () => {
  it('is read without the fields that it adds, at every level', () => {
    const accounts = (event['accounts'] as object[]).map((account) => ({ ...account, addedLater: 1 }));
    expect(
      intentSchema.parse({ ...intent, event: { ...event, accounts, addedLater: 1 }, addedLater: { x: 1 } }),
    ).toEqual(intent);
    expect(progressSchema.parse({ outputTokens: 3, addedLater: 1 })).toEqual({ outputTokens: 3 });
  });
  it('is not read where a field is missing or of another type', () => {
    for (const field of Object.keys(intent))
      for (const value of [undefined, { x: 1 }])
        expect(intentSchema.safeParse({ ...intent, [field]: value }).success, field).toBe(false);
    for (const field of Object.keys(event))
      for (const value of [undefined, { x: 1 }])
        expect(intentSchema.safeParse({ ...intent, event: { ...event, [field]: value } }).success, field).toBe(false);
  });
});

import { limitsChangedV1 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { limitEntries } from './limit-change.js';

const at = new Date('2026-11-29T09:30:00Z');
const until = new Date('2026-12-24T18:00:00Z');
const owner = { organizationId: 'o', apiKeyId: 'k', version: 4, at };
const limit = { creditLimitNanoUsd: 5n, creditReset: 'daily', creditRaise: null } as const;
const raised = { ...limit, creditRaise: { amountNanoUsd: 2n, until } };

describe('a changed limit', () => {
  it.each([
    ['lowered', limit, { ...limit, creditLimitNanoUsd: 1n }, { capNanoUsd: '1', reset: 'daily', raise: null }],
    ['a first one', { ...limit, creditLimitNanoUsd: null }, limit, { capNanoUsd: '5' }],
    ['none any more', limit, { ...limit, creditLimitNanoUsd: null }, { capNanoUsd: null }],
    ['of nothing', limit, { ...limit, creditLimitNanoUsd: 0n }, { capNanoUsd: '0' }],
    ['with another reset', limit, { ...limit, creditReset: 'never' as const }, { reset: 'never' }],
    ['raised', limit, raised, { capNanoUsd: '5', raise: { amountNanoUsd: '2', until: '2026-12-24T18:00:00.000Z' } }],
    ['without its raise', raised, limit, { raise: null }],
  ])('is told as it is now: %s', (_what, before, after, told) => {
    const [entry, ...others] = limitEntries(owner, before, after);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ effect: 'limits.changed.v1', key: 'o' });
    const event: unknown = JSON.parse(entry!.payload);
    expect(limitsChangedV1.parse(event)).toEqual(event);
    expect(event).toMatchObject({ apiKeyId: 'k', version: 4, changedAt: at.toISOString(), ...told });
  });

  it('is none where the limit stays, or the key is new', () => {
    expect(limitEntries(owner, raised, { ...raised, creditRaise: { ...raised.creditRaise } })).toEqual([]);
    expect(limitEntries(owner, null, limit)).toEqual([]);
  });

  it('of an organisation never resets', () => {
    const [entry] = limitEntries({ ...owner, apiKeyId: null }, { creditLimitNanoUsd: 1n, creditRaise: null }, raised);
    expect(JSON.parse(entry!.payload)).toMatchObject({ apiKeyId: null });
    const same = { creditLimitNanoUsd: 5n, creditRaise: null };
    expect(limitEntries({ ...owner, apiKeyId: null }, same, same)).toEqual([]);
  });
});

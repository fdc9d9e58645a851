import { readFileSync } from 'node:fs';
import { usageRecordedV2 } from '@tollgate/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quickRead } from './quick-read.js';

const golden = JSON.parse(
  readFileSync(
    new URL('../../../../../libs/domain/contracts/src/events/golden/usage-recorded.v2.json', import.meta.url),
    'utf8',
  ),
) as Record<string, unknown>;
const account = { accountId: 'key:k', capNanoUsd: '7' };
/** As gateways of today write it: no call of a tool, no pass, and accounts without their cycles. */
const usual: Record<string, unknown> = { ...golden, toolCalls: [], passes: [], accounts: [account] };

const line = { class: 'text_input', quantity: 3, nanoUsdPerMillion: '150000000', nanoUsd: '450' };

/** What a field may hold by mistake or by malice, and what it may well hold. */
const odd = fc.constantFrom<unknown>(
  ...[null, true, false, 0, -0, -1, 1, 1.5, 2, 3, 2 ** 53, Number.MAX_SAFE_INTEGER, 1e300],
  ...['', 'x', 'x'.repeat(200), 'x'.repeat(201), 'a\0b', '\ud83d', 'completed', 'paused', 'counted'],
  ...['0', '00', '7', '-7', '+7', '7.0', '1e3', '9999999999999999999', '12345678901234567890'],
  ...['2026-02-28T23:59:59.999Z', '2024-02-29T00:00:00.000Z', '2026-02-29T00:00:00.000Z', '2026-04-31T00:00:00.000Z'],
  ...['2026-11-29T24:00:00.000Z', '2026-11-29T10:00:00Z', '2026-11-29T10:00:00.0000Z', '2026-11-29T10:00:00.000+00:00'],
  ...['00000000-0000-0000-0000-000000000000', '018f4b3e-7c1a-7000-8000-000000000001'],
  ...[
    '018F4B3E-7C1A-7000-8000-000000000001',
    '018f4b3e-7c1a-0000-8000-000000000001',
    '018f4b3e7c1a70008000000000000001',
  ],
  ...[{}, [], [null], [''], ['g'], ['g', 'h'], ['x'.repeat(201)], { 0: 'g', length: 1 }],
  ...[[line], [line, { ...line, model: null, tool: 'web_search', later: 1 }], [{ ...line, quantity: -1 }], [{}]],
  ...[[{ ...line, nanoUsd: 450 }], [{ ...line, model: 7 }], [{ ...line, tool: '' }]],
  ...[[account], [{ ...account, capNanoUsd: null, kind: null, cycle: null }], [{ ...account, kind: 'key', later: 1 }]],
  ...[[{ ...account, heldNanoUsd: '3' }], [{ ...account, heldNanoUsd: null }], [{ ...account, heldNanoUsd: 3 }]],
  ...[[{ ...account, cycle: { startsAt: '2026-11-01T00:00:00.000Z', endsAt: null } }], [{ ...account, accountId: '' }]],
  ...[[{ tool: 'web_search', calls: 1 }], [[]], [account, account]],
);

const names = Object.keys(usageRecordedV2.shape);
const changedEvent = fc
  .tuple(
    fc.constantFrom(golden, usual, usual),
    fc.dictionary(fc.constantFrom(...names, 'addedLater'), odd, { maxKeys: 3 }),
    fc.subarray(names, { maxLength: 3 }),
  )
  .map(([event, changes, left]) => {
    const changed = { ...event, ...changes };
    for (const name of left) delete changed[name];
    return changed;
  });

describe('quickRead', () => {
  it('reads what gateways of today write', () => {
    expect(quickRead(usual)).toEqual(usageRecordedV2.parse(usual));
    expect(quickRead(usual)).not.toBeNull();
  });

  it('leaves to the schema, or reads as the schema does, whatever the fields hold', () => {
    let read = 0;
    fc.assert(
      fc.property(changedEvent, (event) => {
        const quick = quickRead(event);
        if (quick === null) return;
        read += 1;
        // Strictly: a field that is not there is not one that is undefined.
        expect(quick).toStrictEqual(usageRecordedV2.parse(event));
      }),
      { numRuns: 20_000 },
    );
    expect(read).toBeGreaterThan(1_000);
  });

  it('reads no other JSON', () => {
    for (const value of [null, 7, 'x', [], [usual], {}, { ...usual, eventVersion: 1 }])
      expect(quickRead(value)).toBeNull();
  });
});

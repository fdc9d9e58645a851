import { readFileSync } from 'node:fs';
import { usageRecordedV2, type UsageRecordedV2 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { bookableEvent, plainestEvent, TEXTS } from './bookable-event.js';

const golden = usageRecordedV2.parse(
  JSON.parse(
    readFileSync(
      new URL('../../../../../libs/domain/contracts/src/events/golden/usage-recorded.v2.json', import.meta.url),
      'utf8',
    ),
  ),
);
/** Text fields with a fixed form: the schema refuses an event in which one of them is malformed. */
const OF_FIXED_FORM = new Set([
  'requestId',
  'outcome',
  'usageSource',
  'costNanoUsd',
  'chargeNanoUsd',
  'holdNanoUsd',
  'startedAt',
  'endedAt',
]);

describe('an event that the database can hold', () => {
  it('is itself', () => {
    expect(bookableEvent(golden)).toEqual({ event: golden, replaced: [] });
    expect(bookableEvent(golden).event).toBe(golden);
    expect(plainestEvent(golden)).toBeNull();
    const { eventVersion: _, secretId: _secret, ...fields } = golden;
    const former = { ...fields, eventVersion: 1 as const };
    expect(bookableEvent(former)).toEqual({ event: former, replaced: [] });
  });
  it('knows every text of an event', () => {
    const texts = Object.entries(golden)
      .filter(([, value]) => typeof value === 'string' || value === null)
      .map(([name]) => name);
    expect([...TEXTS].sort()).toEqual(texts.filter((name) => !OF_FIXED_FORM.has(name)).sort());
  });
  it.each(TEXTS)('has U+FFFD for what cannot be held in %s, and its money', (name) => {
    const { event, replaced } = bookableEvent({ ...golden, [name]: 'a\0b\ud83dc' });
    expect(replaced).toEqual([name]);
    expect(event).toEqual({ ...golden, [name]: 'a\ufffdb\ufffdc' });
  });
  it('has U+FFFD for what cannot be held anywhere in a structure, and plain ones where they were refused', () => {
    const passes = [{ ...golden.passes[0]!, model: 'a\0b' }];
    const priceLines = [{ ...golden.priceLines[0]!, tool: '\ud800' }];
    expect(bookableEvent({ ...golden, passes, priceLines, groupIds: ['g\0'] })).toEqual({
      event: {
        ...golden,
        passes: [{ ...golden.passes[0], model: 'a\ufffdb' }],
        priceLines: [{ ...golden.priceLines[0], tool: '\ufffd' }],
        groupIds: ['g\ufffd'],
      },
      replaced: ['passes', 'priceLines', 'groupIds'],
    });
    expect(plainestEvent({ ...golden, passes: [{ ...golden.passes[0]!, model: '模型' }] })).toEqual({
      event: { ...golden, passes: [] },
      replaced: ['passes'],
    });
  });
  it('posts to each of its accounts once, also where two ids become the same', () => {
    const [first] = golden.accounts as [UsageRecordedV2['accounts'][number]];
    const others = [
      { accountId: 'a\0', capNanoUsd: null, kind: null, cycle: null },
      { accountId: 'a\ud800', capNanoUsd: '1', kind: null, cycle: null },
    ];
    const { event, replaced } = bookableEvent({ ...golden, accounts: [first, ...others, first] });
    expect(replaced).toEqual(['accounts']);
    expect(event.accounts).toEqual([first, { accountId: 'a\ufffd', capNanoUsd: null, kind: null, cycle: null }]);
  });
  it('has amounts that a column takes, as long as its charge is one', () => {
    const most = '9000000000000000';
    const more = '9000000000000000001';
    const [{ accountId, ...given }] = golden.accounts as [UsageRecordedV2['accounts'][number]];
    const rest = { kind: given.kind, cycle: given.cycle };
    const event = {
      ...golden,
      costNanoUsd: more,
      holdNanoUsd: more,
      accounts: [{ accountId, capNanoUsd: more, ...rest }],
    };
    expect(bookableEvent(event)).toEqual({
      event: {
        ...golden,
        costNanoUsd: most,
        holdNanoUsd: most,
        priceLines: [],
        accounts: [{ accountId, capNanoUsd: '9000000000000000000', ...rest }],
      },
      replaced: ['costNanoUsd', 'holdNanoUsd', 'priceLines', 'accounts'],
    });
    expect(bookableEvent({ ...golden, costNanoUsd: more, chargeNanoUsd: more }).replaced).toEqual([]);
  });
  it('is in plain words where its own were refused, under the same ids', () => {
    const longRoute = { route: 'r'.repeat(500) };
    const odd = { ...golden, ...longRoute, apiKeyId: 'schlüssel', model: '模型-7', clientAddress: 'fe80::1%\t' };
    expect(plainestEvent(odd)).toEqual({
      event: { ...odd, model: '??-7', clientAddress: 'fe80::1%?', route: 'r'.repeat(200) },
      replaced: ['route', 'model', 'clientAddress'],
    });
  });
});

import { describe, expect, it } from 'vitest';
import { digestsByOrigin } from './leaks-reported.controller.js';

const event = (digest: string, origin = 'github') =>
  JSON.stringify({ eventVersion: 1, findingId: 'f', digest, origin, reportedAt: '2026-11-20T12:00:00.000Z' });

describe('reported leaks', () => {
  it('are revoked by origin, and what is no such event is passed over', () => {
    const values = [
      event('a'.repeat(64)),
      'not json',
      '{}',
      event('b'.repeat(64), 'gitlab'),
      event('c'.repeat(64)),
      event('too short'),
    ];
    const batch = {
      topic: 'leaks.reported.v1',
      partition: 0,
      messages: values.map((value, n) => ({ offset: BigInt(n), part: 0, key: null, value })),
    };
    expect(digestsByOrigin(batch)).toEqual(
      new Map([
        ['github', ['a'.repeat(64), 'c'.repeat(64)]],
        ['gitlab', ['b'.repeat(64)]],
      ]),
    );
  });

  it('are revoked whatever else their event says, in a later release too', () => {
    const digests = ['a', 'b', 'c', 'd', 'e', 'f'].map((digit) => digit.repeat(64));
    const values = [
      { eventVersion: 1, digest: digests[0], origin: 'github', addedLater: 1 },
      { eventVersion: 2, digest: digests[1], origin: 'github', findingId: { x: 1 } },
      { digest: digests[2] },
      { digest: digests[3], origin: 7 },
      { digest: digests[4], origin: 'a\u0000b' },
      { digest: digests[5], origin: 'a\ud800b' },
      { digest: 'too short', origin: 'github' },
      { origin: 'github' },
      null,
      [digests[0]],
    ];
    const batch = {
      topic: 'leaks.reported.v1',
      partition: 0,
      messages: values.map((value, n) => ({ offset: BigInt(n), part: 0, key: null, value: JSON.stringify(value) })),
    };
    expect(digestsByOrigin(batch)).toEqual(
      new Map([
        ['github', digests.slice(0, 2)],
        ['unknown', digests.slice(2)],
      ]),
    );
  });
});

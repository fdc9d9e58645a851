import { describe, expect, it } from 'vitest';
import { EmptyStretches, pastEmptyStretch } from './empty-stretches.js';

describe('a part of a partition without messages', () => {
  it('is committed with where it begins, and grows while nothing else comes', () => {
    const committed: string[] = [];
    const stretches = new EmptyStretches(
      {
        commitOffsets: async (offsets) => {
          committed.push(...offsets.map(({ offset, metadata }) => `${offset} ${metadata}`));
        },
      },
      () => undefined,
    );
    const worked = (batchSize: number, firstOffset: string | null, lastOffset: string) =>
      stretches.worked({ topic: 't', partition: 0, batchSize, firstOffset, lastOffset });
    worked(0, '3', '3');
    worked(0, '4', '6');
    worked(0, null, '6');
    worked(1, '7', '8');
    stretches.note('t', 0, { from: 8n, to: 9n });
    worked(0, '9', '9');
    worked(2, '10', '11');
    stretches.note('t', 0, { from: 12n, to: 12n });
    worked(0, '12', '12');
    worked(0, '14', '14');
    expect(committed).toEqual([
      '4 no message from 3',
      '7 no message from 3',
      '9 no message from 8',
      '10 no message from 8',
      '13 no message from 12',
      '15 no message from 14',
    ]);
  });

  it.each([
    ['that begins where the consumer stands is passed', 3n, '7', 'no message from 3', 7n],
    ['that began before is passed', 5n, '7', 'no message from 3', 7n],
    ['that begins later passes no message', 2n, '7', 'no message from 3', 2n],
    ['that lies behind changes nothing', 9n, '7', 'no message from 3', 9n],
    ['is none where messages were committed', 3n, '7', '', 3n],
    ['is none where nothing was committed', 3n, '-1', null, 3n],
  ])('%s', (_what, next, offset, metadata, expected) => {
    expect(pastEmptyStretch(next, { offset, metadata })).toBe(expected);
  });
});

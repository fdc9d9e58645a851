import { describe, expect, it } from 'vitest';
import { selfTimes } from './profile-summary.js';

const frame = (id: number, functionName: string, url = '', lineNumber = 0) => ({ id, callFrame: { functionName, url, lineNumber } });

describe('a CPU profile', () => {
  it('is summed up by function, idle time left out, the dearest first', () => {
    const profile = {
      nodes: [frame(1, '(idle)'), frame(2, 'scan', 'file:///x/apps/gateway/dist/scan.js', 9), frame(3, '(garbage collector)'), frame(4, 'scan', 'file:///x/apps/gateway/dist/scan.js', 9)],
      samples: [1, 2, 3, 4, 2], timeDeltas: [1_000, 30, 25, 20, 25],
    };
    expect(selfTimes(JSON.stringify(profile), 2)).toEqual([
      { name: 'scan', place: 'gateway/dist/scan.js:10', share: 0.75 },
      { name: '(garbage collector)', place: '', share: 0.25 },
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { summarizeProfile } from './profile-summary.js';

const node = (id: number, functionName: string, url = '', children: number[] = []) => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
  children,
});
const profile = JSON.stringify({
  nodes: [
    node(1, '(root)', '', [2, 3, 6]),
    node(2, '(idle)'),
    node(3, 'serve', 'file:///x/apps/gateway/dist/serve.js', [4, 5]),
    node(4, 'writev'),
    node(5, 'parse', 'file:///x/node_modules/undici/lib/parse.js'),
    node(6, '(garbage collector)'),
  ],
  startTime: 1_000,
  samples: [3, 4, 2, 5, 6, 4],
  timeDeltas: [10, 30, 500, 20, 40, 900],
});

describe('a CPU profile', () => {
  it('is summed up by function and by part, idle time left out, the dearest first', () => {
    expect(summarizeProfile(profile, [[1_000, 1_600]], 2)).toEqual({
      functions: [
        { name: '(garbage collector)', share: 0.4 },
        { name: 'writev', share: 0.3 },
      ],
      parts: [
        { name: 'apps/gateway/dist', share: 0.4 },
        { name: '(garbage collector)', share: 0.4 },
      ],
    });
  });
  it('counts what Node.js did for itself apart', () => {
    const own = JSON.stringify({
      nodes: [node(1, '(root)', '', [2]), node(2, 'emit', 'node:events', [3]), node(3, 'read')],
      startTime: 0,
      samples: [2, 3],
      timeDeltas: [5, 5],
    });
    expect(summarizeProfile(own, [[0, 10]], 9).parts).toEqual([{ name: 'Node.js for itself', share: 1 }]);
  });
  it('counts in the periods only', () => {
    expect(
      summarizeProfile(
        profile,
        [
          [1_000, 1_010],
          [1_560, 1_560],
        ],
        9,
      ).functions,
    ).toEqual([
      { name: 'parse  undici/lib/parse.js:10', share: 20 / 30 },
      { name: 'serve  apps/gateway/dist/serve.js:10', share: 10 / 30 },
    ]);
  });
});

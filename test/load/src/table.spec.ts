import { describe, expect, it } from 'vitest';
import { scenarioResult, type Against, type BenchResult, type Figures, type ScenarioResult } from './results.js';
import { renderTable } from './table.js';
import type { Window } from './window.js';

const window = (cpuMicroseconds: number, gapP99Ms: number | null = null): Window => ({
  requests: 1_000,
  seconds: 1,
  requestsPerSecond: 1_000,
  cpuMicroseconds,
  redisCpuMicroseconds: 15,
  scriptCalls: 0.25,
  peakMemoryBytes: 120e6,
  othersShare: 0.02,
  p50Ms: 1,
  p99Ms: 2,
  gapP99Ms,
  firstByteP50Ms: 0.5,
});
const latency = { p50Ms: 0.9, p99Ms: 1.5, firstByteP50Ms: 0.8, firstByteP99Ms: 1.2 };
const windows = (cpu: readonly number[]) => ({ windows: cpu.map((each) => window(each)), latency });
const scenario = (name: string, cpu: readonly number[], former: number[] | string | null = null) =>
  scenarioResult(
    { name, says: '', floor: 'chat-1k' },
    { gateway: windows(cpu), former: Array.isArray(former) ? windows(former) : former, floor: windows([50, 40, 45]) },
  );
const books = { atUpstream: 3_000, booked: 3_000, outcomes: { completed: 3_000 }, caughtUpSeconds: 4, accounts: 2 };
const result: BenchResult = {
  startedAt: '2026-11-20T12:00:00.000Z',
  machine: { cpu: 'a CPU', cores: 2, node: '26.10.0', kernel: '6' },
  options: { quick: false, rounds: 3, seconds: 10, warmUpSeconds: 80, connections: 32, keys: 10_000, profiled: false },
  others: { gatewayCore: 0.01, otherCore: 0.02, overridden: false },
  scenarios: [scenario('chat-1k', [80, 60, 72]), scenario('refused', [18, 18, 18])],
  books,
  against: null,
};

describe('the result', () => {
  it('holds the gateway against the floor of the same round', () => {
    expect(result.scenarios[0]!.cpuRatio).toEqual({ median: 1.6, low: 1.5, high: 1.6 });
    expect(result.scenarios[0]!.gateway.cpuMicroseconds).toEqual({ median: 72, low: 60, high: 80 });
  });
  it('takes the times at the fixed rate, and of paced streams their own and the worst gap', () => {
    expect(result.scenarios[0]!.gateway).toMatchObject({ p50Ms: 0.9, firstByteP50Ms: 0.8, gapP99Ms: null });
    const paced = scenarioResult(
      { name: 'p', says: '', floor: 'p' },
      {
        gateway: { windows: [window(9, 21), window(9, 24)], latency: null },
        former: null,
        floor: { windows: [window(9, 20), window(9, 20)], latency: null },
      },
    );
    expect(paced.gateway).toMatchObject({ p50Ms: 1, firstByteP50Ms: 0.5, gapP99Ms: 24 });
  });
  it('is a table with what must be known beside it', () => {
    const text = renderTable(result);
    expect(text).toMatch(
      /^chat-1k +gateway +1000 +72\.0 +60\.0–80\.0 +1\.60 +1\.50–1\.60 +15\.0 +0\.90 +1\.50 +0\.80 +120$/m,
    );
    expect(text).toContain('An unknown key costs 0.25 × a served call');
    const dialects = [...result.scenarios, scenario('messages-1k', [79.2, 79.2, 79.2])];
    expect(renderTable({ ...result, scenarios: dialects })).toContain('messages-1k costs 1.10 × chat-1k.');
    expect(text).not.toMatch(/BUSY|OTHERS/);
    const disturbed = { ...result.scenarios[0]!, floor: { ...result.scenarios[0]!.floor, othersShare: 0.3 } };
    expect(renderTable({ ...result, scenarios: [disturbed] })).toContain('OTHERS USED THE MACHINE MEANWHILE');
    expect(renderTable({ ...result, others: { ...result.others, overridden: true } })).toContain(
      'THE MACHINE WAS BUSY',
    );
  });
});

describe('the result of a run against a former build', () => {
  const against = { folder: '/former', books: { ...books, booked: 2_999, atUpstream: 2_999 } };
  const compared = (...scenarios: ScenarioResult[]): string => renderTable({ ...result, against, scenarios });
  const same = [80, 60, 72];
  const UNSERVED = 'it answers 404 instead of 200';

  it('has what came of it before the last column, and the others where they are without', () => {
    const lines = compared(scenario('chat-1k', same, [80, 60, 60])).split('\n');
    const without = renderTable({ ...result, scenarios: [scenario('chat-1k', same)] });
    expect(lines[0]).toMatch(/^scenario .* gap p99 +against +× against +range +verdict +peak MB$/);
    expect(lines[2]!.split(/ {2,}/)).toEqual([
      'chat-1k',
      'gateway',
      '1000',
      '72.0',
      '60.0–80.0',
      '1.60',
      '1.50–1.60',
      '15.0',
      '0.90',
      '1.50',
      '0.80',
      '60.0',
      '1.000',
      '1.000–1.200',
      'not worse',
      '120',
    ]);
    expect(lines[3]!.split(/ +/)).toEqual(without.split('\n')[3]!.split(/ +/));
    expect(without).not.toMatch(/against|verdict/i);
  });
  it('says in words which scenarios are worse, and what is not compared and why', () => {
    const refused = scenario('refused', [52, 53, 51], [50, 50, 50]);
    const text = compared(scenario('chat-1k', same, same), refused, scenario('chat-32k', [9, 9, 9], UNSERVED));
    expect(text).toMatch(/^refused .* 1\.040 +1\.020–1\.060 +worse +120$/m);
    expect(text).toMatch(/^chat-32k .* not compared +120$/m);
    expect(text).toContain('WORSE THAN /former, by a median above 1.03: refused.');
    expect(text).toContain(`Not compared, for the former build cannot serve it: chat-32k (${UNSERVED}).`);
    expect(text).toContain('Its books: 2999 requests at the upstream');
    expect(compared(scenario('chat-1k', same, same))).toContain('no scenario is worse');
  });
  it("counts what others did to the core during the former build's windows too", () => {
    const disturbed = scenario('chat-1k', [80], [80]);
    const former = { ...(disturbed.against as { former: Figures }).former, othersShare: 0.3 };
    const text = compared({ ...disturbed, against: { ...disturbed.against!, former } as Against });
    expect(text).toContain('OTHERS USED THE MACHINE MEANWHILE');
  });
  it('is in the file as well', () => {
    const { against: figures, windows: each } = scenario('chat-1k', same, [80, 60, 60]);
    expect(figures).toMatchObject({ verdict: 'not worse', cpuRatio: { median: 1, low: 1, high: 1.2 } });
    expect(figures).toMatchObject({ former: { cpuMicroseconds: { median: 60 }, p50Ms: 0.9 } });
    expect(each.former.map(({ cpuMicroseconds }) => cpuMicroseconds)).toEqual([80, 60, 60]);
    expect(scenario('chat-1k', [80], UNSERVED).against).toEqual({ verdict: 'not compared', why: UNSERVED });
    expect(scenario('chat-1k', [80]).against).toBeNull();
  });
});

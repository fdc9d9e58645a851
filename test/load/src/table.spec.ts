import { describe, expect, it } from 'vitest';
import { scenarioResult, type BenchResult } from './results.js';
import { renderTable } from './table.js';
import type { Window } from './window.js';

const window = (cpuMicroseconds: number, gapP99Ms: number | null = null): Window => ({
  requests: 1_000, seconds: 1, requestsPerSecond: 1_000, cpuMicroseconds, redisCpuMicroseconds: 15, scriptCalls: 0.25, peakMemoryBytes: 120e6, othersShare: 0.02,
  p50Ms: 1, p99Ms: 2, gapP99Ms, firstByteP50Ms: 0.5,
});
const latency = { p50Ms: 0.9, p99Ms: 1.5, firstByteP50Ms: 0.8, firstByteP99Ms: 1.2 };
const scenario = (name: string, cpu: readonly number[]) =>
  scenarioResult({ name, says: '', floor: 'chat-1k' }, { windows: cpu.map((each) => window(each)), latency }, { windows: [window(50), window(40), window(45)], latency });
const result: BenchResult = {
  startedAt: '2026-11-20T12:00:00.000Z', machine: { cpu: 'a CPU', cores: 2, node: '26.10.0', kernel: '6' },
  options: { quick: false, rounds: 3, seconds: 10, connections: 32, keys: 10_000, profiled: false },
  others: { gatewayCore: 0.01, otherCore: 0.02, overridden: false },
  scenarios: [scenario('chat-1k', [80, 60, 72]), scenario('refused', [18, 18, 18])],
  books: { atUpstream: 3_000, booked: 3_000, outcomes: { completed: 3_000 }, caughtUpSeconds: 4, accounts: 2 },
};

describe('the result', () => {
  it('holds the gateway against the floor of the same round', () => {
    expect(result.scenarios[0]!.cpuRatio).toEqual({ median: 1.6, low: 1.5, high: 1.6 });
    expect(result.scenarios[0]!.gateway.cpuMicroseconds).toEqual({ median: 72, low: 60, high: 80 });
  });
  it('takes the times at the fixed rate, and of paced streams their own and the worst gap', () => {
    expect(result.scenarios[0]!.gateway).toMatchObject({ p50Ms: 0.9, firstByteP50Ms: 0.8, gapP99Ms: null });
    const paced = scenarioResult({ name: 'p', says: '', floor: 'p' }, { windows: [window(9, 21), window(9, 24)], latency: null }, { windows: [window(9, 20), window(9, 20)], latency: null });
    expect(paced.gateway).toMatchObject({ p50Ms: 1, firstByteP50Ms: 0.5, gapP99Ms: 24 });
  });
  it('is a table with what must be known beside it', () => {
    const text = renderTable(result);
    expect(text).toMatch(/^chat-1k +gateway +1000 +72\.0 +60\.0–80\.0 +1\.60 +1\.50–1\.60 +15\.0 +0\.90 +1\.50 +0\.80 +120$/m);
    expect(text).toContain('An unknown key costs 0.25 × a served call');
    expect(text).not.toMatch(/BUSY|OTHERS/);
    const disturbed = { ...result.scenarios[0]!, floor: { ...result.scenarios[0]!.floor, othersShare: 0.3 } };
    expect(renderTable({ ...result, scenarios: [disturbed] })).toContain('OTHERS USED THE MACHINE MEANWHILE');
    expect(renderTable({ ...result, others: { ...result.others, overridden: true } })).toContain('THE MACHINE WAS BUSY');
  });
});

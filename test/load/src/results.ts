import type { Books } from './books.js';
import { compare, type Comparison } from './comparison.js';
import type { Latency, Subject } from './loads.js';
import type { OthersShare } from './preconditions.js';
import { spreadOf, type Spread } from './statistics.js';
import type { Window } from './window.js';

/** All that was measured of one process under one scenario's load. */
export interface Measured {
  /** One a round. */
  readonly windows: readonly Window[];
  /** At the fixed rate, all rounds together; null for paced streams, which measure themselves. */
  readonly latency: Latency | null;
}

/** What was measured, as `bench-result.json` has it. Times in the unit that the name says. */
export interface BenchResult {
  readonly startedAt: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly kernel: string };
  readonly options: {
    readonly quick: boolean;
    readonly rounds: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
    readonly connections: number;
    readonly keys: number;
    readonly profiled: boolean;
  };
  /** Before the run. `overridden`: the machine was busy, and the run went on all the same. */
  readonly others: OthersShare & { readonly overridden: boolean };
  readonly scenarios: readonly ScenarioResult[];
  readonly books: Books;
  /** The former build that was measured as well; null for none. */
  readonly against: { readonly folder: string; readonly books: Books } | null;
}

export interface ScenarioResult {
  readonly name: string;
  readonly says: string;
  readonly floorOf: string;
  readonly gateway: Figures;
  readonly floor: Figures;
  /** CPU time of the gateway over that of the floor, round by round. */
  readonly cpuRatio: Spread;
  /** What the former build makes of it; null where the run had none. */
  readonly against: Against | null;
  readonly windows: Readonly<Record<Subject, readonly Window[]>>;
}

/** A scenario that the former build cannot serve has no figures of it, and why. */
export type Against =
  ({ readonly former: Figures } & Comparison) | { readonly verdict: 'not compared'; readonly why: string };

export interface Figures {
  readonly requestsPerSecond: Spread;
  readonly cpuMicroseconds: Spread;
  readonly redisCpuMicroseconds: Spread;
  readonly scriptCalls: Spread;
  /** At the fixed rate; of paced streams under their own load, p50 and p99 of whole streams. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstByteP50Ms: number;
  /** Of paced streams only: the worst round's. */
  readonly gapP99Ms: number | null;
  readonly peakMemoryBytes: number;
  readonly othersShare: number;
}

/** All that was measured of a scenario. */
export interface Measurements {
  readonly gateway: Measured;
  /** In words why there is nothing of the former build, or null where the run had none. */
  readonly former: Measured | string | null;
  readonly floor: Measured;
}

/** Brings windows and latencies together. */
export function scenarioResult(
  scenario: { name: string; says: string; floor: string },
  { gateway, former, floor }: Measurements,
): ScenarioResult {
  const windowsOfFormer = former === null || typeof former === 'string' ? [] : former.windows;
  return {
    name: scenario.name,
    says: scenario.says,
    floorOf: scenario.floor,
    gateway: figures(gateway),
    floor: figures(floor),
    cpuRatio: spreadOf(
      gateway.windows.map((window, round) => window.cpuMicroseconds / floor.windows[round]!.cpuMicroseconds),
    ),
    against: against(gateway, former),
    windows: { gateway: gateway.windows, former: windowsOfFormer, floor: floor.windows },
  };
}

function against(gateway: Measured, former: Measured | string | null): Against | null {
  if (former === null) return null;
  if (typeof former === 'string') return { verdict: 'not compared', why: former };
  return { former: figures(former), ...compare(gateway.windows, former.windows) };
}

function figures({ windows, latency }: Measured): Figures {
  const spread = (pick: (window: Window) => number): Spread => spreadOf(windows.map(pick));
  const gaps = windows.flatMap(({ gapP99Ms }) => (gapP99Ms === null ? [] : [gapP99Ms]));
  return {
    requestsPerSecond: spread((window) => window.requestsPerSecond),
    cpuMicroseconds: spread((window) => window.cpuMicroseconds),
    redisCpuMicroseconds: spread((window) => window.redisCpuMicroseconds),
    scriptCalls: spread((window) => window.scriptCalls),
    p50Ms: latency?.p50Ms ?? spread((window) => window.p50Ms).median,
    p99Ms: latency?.p99Ms ?? spread((window) => window.p99Ms).median,
    firstByteP50Ms: latency?.firstByteP50Ms ?? spread((window) => window.firstByteP50Ms ?? NaN).median,
    gapP99Ms: gaps.length === 0 ? null : Math.max(...gaps),
    peakMemoryBytes: Math.max(...windows.map(({ peakMemoryBytes }) => peakMemoryBytes)),
    othersShare: Math.max(...windows.map(({ othersShare }) => othersShare)),
  };
}

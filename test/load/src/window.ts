import { readFileSync, writeFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { GATEWAY_CORE } from './preconditions.js';
import { busyShare, parseCoreTimes, parsePeakMemory, parseProcessStat } from './proc-files.js';

/** What a load did. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** As the load generator saw it: with all connections busy, times of waiting in a queue. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of paced streams: between two arrivals of bytes. */
  readonly gapP99Ms: number | null;
  readonly firstByteP50Ms: number | null;
}

/** One window of load on one process. */
export interface Window extends LoadResult {
  readonly requestsPerSecond: number;
  /** User and system time of the process over the requests served. */
  readonly cpuMicroseconds: number;
  /** Redis's, beside it. */
  readonly redisCpuMicroseconds: number;
  /**
   * Calls of scripts in Redis for each request, those of usage-billing among them: the fewer, the fuller the batches.
   */
  readonly scriptCalls: number;
  readonly peakMemoryBytes: number;
  /** Time of the core in other hands during the window, the kernel's for nobody in particular among it: 0 to 1. */
  readonly othersShare: number;
}

interface Look {
  readonly at: number;
  readonly cpu: number;
  readonly redis: RedisUse;
  readonly core: { readonly total: number; readonly idle: number };
}

/**
 * Runs a load and counts what it cost the process. `settled` resolves when all that the requests caused is done, so
 * that it is counted with them.
 */
export async function measureWindow(
  pid: number,
  redis: Redis,
  load: () => Promise<LoadResult>,
  settled: () => Promise<void>,
): Promise<Window> {
  forgetPeakMemory(pid);
  const before = await look(pid, redis);
  const result = await load();
  await settled();
  const after = await look(pid, redis);
  const cpu = after.cpu - before.cpu;
  return {
    ...result,
    requestsPerSecond: result.requests / result.seconds,
    cpuMicroseconds: cpu / result.requests,
    redisCpuMicroseconds: (after.redis.cpuMicroseconds - before.redis.cpuMicroseconds) / result.requests,
    scriptCalls: (after.redis.scriptCalls - before.redis.scriptCalls) / result.requests,
    peakMemoryBytes: parsePeakMemory(readFileSync(`/proc/${pid}/status`, 'utf8')),
    othersShare: Math.max(0, busyShare(before.core, after.core) - cpu / (after.at - before.at)),
  };
}

/**
 * The window that several make which one process had at different times. What is told a request or a second is so over
 * all of them; medians are the mean of theirs by requests, and what tells the worst is the worst. Throws a RangeError
 * for none.
 */
export function together(windows: readonly Window[]): Window {
  if (windows.length === 0) throw new RangeError('a window of no windows');
  const sum = (pick: (window: Window) => number): number => windows.reduce((total, window) => total + pick(window), 0);
  const [requests, seconds] = [sum((window) => window.requests), sum((window) => window.seconds)];
  const perRequest = (pick: (window: Window) => number): number => {
    return sum((window) => pick(window) * window.requests) / requests;
  };
  const worst = (pick: (window: Window) => number): number => Math.max(...windows.map(pick));
  const [{ gapP99Ms, firstByteP50Ms }] = windows as [Window];
  return {
    requests,
    seconds,
    requestsPerSecond: requests / seconds,
    cpuMicroseconds: perRequest((window) => window.cpuMicroseconds),
    redisCpuMicroseconds: perRequest((window) => window.redisCpuMicroseconds),
    scriptCalls: perRequest((window) => window.scriptCalls),
    peakMemoryBytes: worst((window) => window.peakMemoryBytes),
    othersShare: sum((window) => window.othersShare * window.seconds) / seconds,
    p50Ms: perRequest((window) => window.p50Ms),
    p99Ms: worst((window) => window.p99Ms),
    // All of them have it or none has, for they had the same load.
    gapP99Ms: gapP99Ms === null ? null : worst((window) => window.gapP99Ms!),
    firstByteP50Ms: firstByteP50Ms === null ? null : perRequest((window) => window.firstByteP50Ms!),
  };
}

/** From here on the most memory is counted anew, where the kernel lets us. */
function forgetPeakMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the figure is the most since the process began.
  }
}

async function look(pid: number, redis: Redis): Promise<Look> {
  const redisUse = parseRedisUse(await redis.info('cpu', 'commandstats'));
  const { cpuMicroseconds } = parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return {
    at: performance.now() * 1_000,
    cpu: cpuMicroseconds,
    redis: redisUse,
    core: parseCoreTimes(readFileSync('/proc/stat', 'utf8')).get(GATEWAY_CORE)!,
  };
}

/** What Redis has used since its start. */
export interface RedisUse {
  /** User and system time. */
  readonly cpuMicroseconds: number;
  readonly scriptCalls: number;
}

/** Reads `INFO cpu commandstats`. Throws a TypeError where Redis does not tell its CPU time. */
export function parseRedisUse(info: string): RedisUse {
  const figure = (name: string): number => Number(new RegExp(`^${name}([\\d.]+)`, 'm').exec(info)?.[1]);
  const cpuSeconds = figure('used_cpu_user:') + figure('used_cpu_sys:');
  if (!Number.isFinite(cpuSeconds)) throw new TypeError('Redis does not tell its CPU time');
  // Commands that were never called are not listed.
  return { cpuMicroseconds: Math.round(cpuSeconds * 1_000_000), scriptCalls: figure('cmdstat_evalsha:calls=') || 0 };
}

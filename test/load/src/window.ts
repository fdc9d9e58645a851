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
  /** Calls of scripts in Redis for each request, those of usage-billing among them: the fewer, the fuller the batches. */
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
export async function measureWindow(pid: number, redis: Redis, load: () => Promise<LoadResult>, settled: () => Promise<void>): Promise<Window> {
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
  return { at: performance.now() * 1_000, cpu: cpuMicroseconds, redis: redisUse, core: parseCoreTimes(readFileSync('/proc/stat', 'utf8')).get(GATEWAY_CORE)! };
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

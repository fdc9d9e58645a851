import { describe, expect, it } from 'vitest';
import { parseRedisUse, together, type Window } from './window.js';

const CPU = '# CPU\r\nused_cpu_sys:0.250001\r\nused_cpu_user:1.5\r\nused_cpu_sys_children:9.0\r\n';

describe('what Redis has used', () => {
  it('is user and system time, and calls of scripts', () => {
    expect(parseRedisUse(CPU)).toEqual({ cpuMicroseconds: 1_750_001, scriptCalls: 0 });
    expect(parseRedisUse(`${CPU}# Commandstats\r\ncmdstat_evalsha:calls=42,usec=7\r\n`)).toMatchObject({
      scriptCalls: 42,
    });
    expect(() => parseRedisUse('# CPU\r\n')).toThrow(TypeError);
  });
});

describe('a window of several parts', () => {
  const part: Window = {
    requests: 1_000,
    seconds: 2,
    requestsPerSecond: 500,
    cpuMicroseconds: 80,
    redisCpuMicroseconds: 10,
    scriptCalls: 0.2,
    peakMemoryBytes: 1e6,
    othersShare: 0.1,
    p50Ms: 1,
    p99Ms: 5,
    gapP99Ms: null,
    firstByteP50Ms: null,
  };
  it('is a part itself where there is one', () => {
    expect(together([part])).toEqual(part);
    const paced = { ...part, gapP99Ms: 21, firstByteP50Ms: 0.7 };
    expect(together([paced])).toEqual(paced);
    expect(() => together([])).toThrow(RangeError);
  });
  it('costs what all parts cost over the requests of all', () => {
    const other: Window = {
      ...part,
      requests: 3_000,
      seconds: 2,
      requestsPerSecond: 1_500,
      cpuMicroseconds: 60,
      redisCpuMicroseconds: 30,
      scriptCalls: 0.1,
      peakMemoryBytes: 3e6,
      othersShare: 0.3,
      p50Ms: 2,
      p99Ms: 4,
    };
    expect(together([part, other])).toEqual({
      requests: 4_000,
      seconds: 4,
      requestsPerSecond: 1_000,
      cpuMicroseconds: 65,
      redisCpuMicroseconds: 25,
      scriptCalls: expect.closeTo(0.125, 9) as number,
      peakMemoryBytes: 3e6,
      othersShare: expect.closeTo(0.2, 9) as number,
      p50Ms: 1.75,
      p99Ms: 5,
      gapP99Ms: null,
      firstByteP50Ms: null,
    });
  });
});

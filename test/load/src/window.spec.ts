import { describe, expect, it } from 'vitest';
import { parseRedisUse } from './window.js';

const CPU = '# CPU\r\nused_cpu_sys:0.250001\r\nused_cpu_user:1.5\r\nused_cpu_sys_children:9.0\r\n';

describe('what Redis has used', () => {
  it('is user and system time, and calls of scripts', () => {
    expect(parseRedisUse(CPU)).toEqual({ cpuMicroseconds: 1_750_001, scriptCalls: 0 });
    expect(parseRedisUse(`${CPU}# Commandstats\r\ncmdstat_evalsha:calls=42,usec=7\r\n`)).toMatchObject({ scriptCalls: 42 });
    expect(() => parseRedisUse('# CPU\r\n')).toThrow(TypeError);
  });
});

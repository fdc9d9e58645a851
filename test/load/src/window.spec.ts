import { describe, expect, it } from 'vitest';
import { parseRedisCpu } from './window.js';

describe('the CPU time of Redis', () => {
  it('is that of user and system', () => {
    expect(parseRedisCpu('# CPU\r\nused_cpu_sys:0.250001\r\nused_cpu_user:1.5\r\nused_cpu_sys_children:9.0\r\n')).toBe(1_750_001);
    expect(() => parseRedisCpu('# CPU\r\n')).toThrow(TypeError);
  });
});

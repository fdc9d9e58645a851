import { describe, expect, it } from 'vitest';
import { busyShare, parseCoreTimes, parsePeakMemory, parseResidentMemory, parseProcessStat } from './proc-files.js';

const STAT = `cpu  238481 0 78225 731176 2930 0 4169 195 0 0
cpu0 100 10 50 800 20 0 10 10 5 0
cpu1 0 0 0 1000 0 0 0 0 0 0
intr 6441627 0 0
`;

describe('/proc', () => {
  it('tells the time of each core, guests counted once', () => {
    expect(parseCoreTimes(STAT)).toEqual(
      new Map([
        [0, { total: 1_000, idle: 820 }],
        [1, { total: 1_000, idle: 1_000 }],
      ]),
    );
  });
  it('tells how busy a core was between two looks', () => {
    expect(busyShare({ total: 1_000, idle: 820 }, { total: 1_200, idle: 970 })).toBeCloseTo(0.25);
    expect(busyShare({ total: 1_000, idle: 820 }, { total: 1_000, idle: 820 })).toBe(0);
  });
  it('tells the CPU time of a process, whatever its name', () => {
    const rest = 'R 951 951 29315 0 -1 4194304 101 0 0 0 123 77 5 6 20 0 1 0 531061 3133440 409';
    expect(parseProcessStat(`956 (cat) ${rest}`)).toEqual({
      command: 'cat',
      parentPid: 951,
      cpuMicroseconds: 2_000_000,
      endedChildrenMicroseconds: 110_000,
    });
    expect(parseProcessStat(`956 (a) (b c) ${rest}`)).toMatchObject({ command: 'a) (b c', cpuMicroseconds: 2_000_000 });
    expect(() => parseProcessStat('nonsense')).toThrow(TypeError);
  });
  it('tells the most memory of a process, and what it has now', () => {
    const status = 'VmPeak:\t  900 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n';
    expect(parsePeakMemory(status)).toBe(2_097_152);
    expect(parseResidentMemory(status)).toBe(1_048_576);
    expect(() => parsePeakMemory('')).toThrow(TypeError);
  });
});

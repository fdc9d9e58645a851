/** A tick of the times in /proc: USER_HZ, 100 a second on every Linux that Node.js runs on. */
const TICK_MICROSECONDS = 10_000;

/** What one core has done since the machine started, in ticks. */
export interface CoreTimes {
  readonly total: number;
  /** Idle, and waiting for a disk. */
  readonly idle: number;
}

/** The cores of /proc/stat, by number. */
export function parseCoreTimes(procStat: string): Map<number, CoreTimes> {
  const cores = new Map<number, CoreTimes>();
  for (const [, core, figures] of procStat.matchAll(/^cpu(\d+) +(.*)$/gm)) {
    // user nice system idle iowait irq softirq steal; guest times, which follow, are in user already.
    const ticks = figures!.split(/ +/).slice(0, 8).map(Number);
    cores.set(Number(core), { total: ticks.reduce((sum, each) => sum + each, 0), idle: ticks[3]! + ticks[4]! });
  }
  return cores;
}

/** The share of time (0 to 1) that a core was not idle between two looks. */
export function busyShare(before: CoreTimes, after: CoreTimes): number {
  const total = after.total - before.total;
  return total === 0 ? 0 : 1 - (after.idle - before.idle) / total;
}

/** CPU time of a process with all its threads, from /proc/PID/stat. */
export interface ProcessStat {
  readonly command: string;
  readonly parentPid: number;
  /** User and system time since its start, in steps of 10 ms. */
  readonly cpuMicroseconds: number;
  /** The same of all its children that have ended: what they took is counted nowhere else. */
  readonly endedChildrenMicroseconds: number;
}

/** Throws a TypeError for what is no such line. */
export function parseProcessStat(line: string): ProcessStat {
  // The command may hold spaces and parentheses: what follows it begins after the last one.
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  const fields = line.slice(close + 2).split(' ');
  const parentPid = Number(fields[1]);
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (open === -1 || close === -1 || !Number.isFinite(parentPid + user + system + childrenUser + childrenSystem))
    throw new TypeError('not a line of /proc/PID/stat');
  return {
    command: line.slice(open + 1, close),
    parentPid,
    cpuMicroseconds: (user + system) * TICK_MICROSECONDS,
    endedChildrenMicroseconds: (childrenUser + childrenSystem) * TICK_MICROSECONDS,
  };
}

/**
 * The most memory a process has had resident, in bytes, from /proc/PID/status. Throws a TypeError where it is not told.
 */
export function parsePeakMemory(procStatus: string): number {
  return memoryOf(procStatus, 'VmHWM');
}

/** The memory that a process has resident now; the rest as for `parsePeakMemory`. */
export function parseResidentMemory(procStatus: string): number {
  return memoryOf(procStatus, 'VmRSS');
}

function memoryOf(procStatus: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(procStatus)?.[1];
  if (kibibytes === undefined) throw new TypeError(`no ${field} in /proc/PID/status`);
  return Number(kibibytes) * 1024;
}

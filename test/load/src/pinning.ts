import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parseProcessStat } from './proc-files.js';

/** Keeps a process with all its threads on one core; what it starts from then on inherits that. Throws where taskset fails. */
export function pinTo(taskset: string, core: number, pid: number): void {
  execFileSync(taskset, ['-acp', String(core), String(pid)], { stdio: 'pipe' });
}

/** How much the bookkeepers give way to the load, as `nice` counts. */
const BOOKKEEPERS_NICENESS = 10;

/**
 * Lets a process give way, and what it starts from then on. The ledger books what the load leaves of its core and
 * catches up at the end: it is the gateway that is measured, and on one core they would only wait for each other.
 */
export function giveWay(pid: number): void {
  setPriority(pid, BOOKKEEPERS_NICENESS);
}

/** A process that this one has started, by its command; undefined where a server runs elsewhere. */
export function childNamed(command: string): number | undefined {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).find((pid) => {
    try {
      const stat = parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      return stat.parentPid === process.pid && stat.command === command;
    } catch {
      // It ended between the two looks.
      return false;
    }
  });
}

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parseProcessStat, type ProcessStat } from './proc-files.js';

/**
 * Keeps a process with all its threads on one core; what it starts from then on inherits that. Throws where taskset
 * fails.
 */
export function pinTo(taskset: string, core: number, pid: number): void {
  execFileSync(taskset, ['-acp', String(core), String(pid)], { stdio: 'pipe' });
}

/** How much the bookkeepers give way to the load, as `nice` counts: as much as can be. */
const BOOKKEEPERS_NICENESS = 19;

/**
 * Lets processes give way, and what they have started. The ledger books what the load leaves of its core and catches
 * up at the end: it is the gateway that is measured, and on one core they would only wait for each other.
 *
 * Where the kernel schedules each session as a group (autogroups, sched(7)), the niceness of a process counts among
 * its own session only: there the group gives way. PostgreSQL begins a session with every connection, so this is to
 * be said again from time to time.
 */
export function giveWay(pids: readonly number[]): void {
  for (const pid of withDescendants(pids)) {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), BOOKKEEPERS_NICENESS);
      const group = `/proc/${pid}/autogroup`;
      // The kernel takes few such changes a second from a user that is not root.
      if (!readFileSync(group, 'utf8').endsWith(`nice ${BOOKKEEPERS_NICENESS}\n`))
        writeFileSync(group, String(BOOKKEEPERS_NICENESS));
    } catch (error) {
      if (!PASSING.has(codeOf(error))) throw error;
    }
  }
}

/** It ended between the two looks, the kernel has no such groups, or is to be asked again later. */
const PASSING: ReadonlySet<unknown> = new Set(['ENOENT', 'ESRCH', 'EAGAIN']);

/** What the system said; Node.js hides it one deeper in errors of `node:os`. */
function codeOf(error: unknown): unknown {
  const { code, info } = error as { code?: unknown; info?: { code?: unknown } };
  return info?.code ?? code;
}

/**
 * The CPU time of all processes of a command that this one has started, and those started by them, in microseconds,
 * with that of their children that have ended: PostgreSQL has a process for each connection.
 */
export function cpuOfCommand(command: string): number {
  const pids = withDescendants([process.pid]);
  return processes()
    .filter((each) => pids.has(each.pid) && each.command === command)
    .reduce((sum, each) => sum + each.cpuMicroseconds + each.endedChildrenMicroseconds, 0);
}

function withDescendants(pids: readonly number[]): Set<number> {
  const all = processes();
  const found = new Set(pids);
  // What is added while a set is gone through is gone through as well.
  for (const pid of found) for (const child of all) if (child.parentPid === pid) found.add(child.pid);
  return found;
}

/** A process that this one has started, by its command; undefined where a server runs elsewhere. */
export function childNamed(command: string): number | undefined {
  return processes().find((each) => each.parentPid === process.pid && each.command === command)?.pid;
}

function processes(): (ProcessStat & { readonly pid: number })[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [{ pid: Number(name), ...parseProcessStat(readFileSync(`/proc/${name}/stat`, 'utf8')) }];
      } catch {
        // It ended between the two looks.
        return [];
      }
    });
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * Reads what this process has started from a pipe. When the pipe ends, this process is gone, however it went (SIGKILL
 * and a vitest worker's sudden end included): then stop the process groups, each with its own signal, kill what is left
 * after 3 s, and remove containers and folders (a second time where somebody was still writing).
 */
const script = String.raw`
trap '' INT TERM HUP
processes= containers=
while read -r verb what; do
  case $verb in
    process) processes="$processes $what" ;;
    ended) kept=; for p in $processes; do [ "${'$'}{p%%:*}" = "$what" ] || kept="$kept $p"; done; processes=$kept ;;
    container) containers="$containers $what" ;;
    folder) set -- "$@" "$what" ;;
  esac
done
for p in $processes; do kill -s "${'$'}{p#*:}" -- "-${'$'}{p%%:*}"; done
round=0
while [ $round -lt 30 ]; do
  alive=; for p in $processes; do kill -s 0 -- "-${'$'}{p%%:*}" && alive=yes; done
  [ -n "$alive" ] || break
  sleep 0.1; round=$((round + 1))
done
for p in $processes; do kill -s KILL -- "-${'$'}{p%%:*}"; done
[ -z "$containers" ] || docker rm --force --volumes $containers
[ $# -eq 0 ] || rm -rf -- "$@" || { sleep 3; rm -rf -- "$@"; }
`;

let reaper: ChildProcess | undefined;

function tell(line: string): void {
  if (!reaper) {
    reaper = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
    reaper.unref();
    reaper.stdin!.on('error', () => undefined);
    (reaper.stdin as unknown as { unref(): void }).unref();
  }
  reaper.stdin!.write(`${line}\n`);
}

/** The process group `pid` gets `stopSignal` when this process ends, and SIGKILL 3 s later. */
export function reapProcess(pid: number, stopSignal: NodeJS.Signals): void {
  tell(`process ${pid}:${stopSignal.replace('SIG', '')}`);
}

/** The process is gone; its number may be given to another. */
export function forgetProcess(pid: number): void {
  tell(`ended ${pid}`);
}

/** The Docker container is removed, with its volumes, when this process ends. */
export function reapContainer(name: string): void {
  tell(`container ${name}`);
}

/** The folder is removed, with all in it, when this process ends. */
export function reapFolder(path: string): void {
  tell(`folder ${path}`);
}

/**
 * Ends and removes at once what this process has started so far, just as its own end would, and resolves when that is
 * done: for a program that was told to end and is to leave nothing behind when it has.
 */
export async function reapNow(): Promise<void> {
  const ending = reaper;
  if (!ending) return;
  // What is started from here on gets another one.
  reaper = undefined;
  ending.ref();
  const gone = once(ending, 'exit');
  ending.stdin!.end();
  await gone;
}

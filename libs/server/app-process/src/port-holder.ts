import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/**
 * The pid of a process that listens on a TCP port of this machine. It is null on other systems than Linux, and if the
 * process belongs to another user or another container.
 */
export function holderOfPort(port: number): number | null {
  const sockets = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningSockets(read(table), port)));
  if (sockets.size === 0) return null;
  return processIds().find((pid) => openFiles(pid).some((file) => sockets.has(file))) ?? null;
}

/** The sockets that listen on a port, named as in `/proc/PID/fd`. `table` is a table of TCP sockets as in proc(5). */
export function listeningSockets(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      return local?.endsWith(`:${hexPort}`) === true && state === LISTENING ? [`socket:[${inode}]`] : [];
    });
}

function processIds(): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function openFiles(pid: number): string[] {
  return list(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // The file was closed, or the process has ended, since it was listed.
      return [];
    }
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

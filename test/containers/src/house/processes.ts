import { readFileSync } from 'node:fs';
import { NotTried } from '../checks/check.js';
import { serviceOf, type Container, type House } from './house.js';

/** A process of a container as the engine's machine sees it. */
export interface HouseProcess {
  readonly service: string;
  readonly pid: number;
  readonly command: string;
  readonly status: Readonly<Record<string, string>>;
}

/** Every process of these containers. Throws NotTried where the engine's processes cannot be seen from here. */
export async function processesOf(house: House, containers: readonly Container[]): Promise<HouseProcess[]> {
  const found: HouseProcess[] = [];
  for (const container of containers) {
    const listed = await house.docker(['top', container.Id, '-eo', 'pid']);
    for (const pid of listed.split('\n').slice(1).map(Number)) {
      const process = processOf(serviceOf(container), pid);
      if (process) found.push(process);
    }
    if (!found.some(({ pid }) => pid === container.State.Pid))
      throw new NotTried(
        'the processes of containers cannot be seen from here: run this as root, on the machine of the engine',
      );
  }
  return found;
}

/** Undefined for one that has ended meanwhile: a health check, say. */
function processOf(service: string, pid: number): HouseProcess | undefined {
  try {
    const status = Object.fromEntries(
      readFileSync(`/proc/${pid}/status`, 'utf8')
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    );
    return { service, pid, status, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() };
  } catch {
    return undefined;
  }
}

export interface Mount {
  readonly at: string;
  readonly type: string;
  /** Of the mount and of its file system. */
  readonly options: ReadonlySet<string>;
}

/** What a process sees mounted, from the text of its `mountinfo`. */
export function mountsIn(mountinfo: string): Mount[] {
  return mountinfo
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before, after] = line.split(' - ') as [string, string];
      const [, , , , at, options] = before.split(' ');
      const [type, , superOptions] = after.split(' ');
      return { at: at!, type: type!, options: new Set([...options!.split(','), ...(superOptions ?? '').split(',')]) };
    });
}

/** The bytes of `size=65536k`, undefined where it has none. */
export function sizeOf({ options }: Mount): number | undefined {
  const [, number, unit] = [...options].map((option) => /^size=(\d+)([kmg]?)$/.exec(option)).find(Boolean) ?? [];
  const units: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
  return number === undefined ? undefined : Number(number) * units[unit ?? '']!;
}

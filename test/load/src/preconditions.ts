import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { canInstallPackages, findProgram, installPackage } from '@tollgate/infra';
import { busyShare, parseCoreTimes } from './proc-files.js';

/** The machine cannot give figures that mean something; the message says why and what to do. */
export class BenchRefused extends Error {}

/** The gateway, or the floor, alone. */
export const GATEWAY_CORE = 1;
/** Everything else, the load generator among it. */
export const OTHER_CORE = 0;

/** More than this of a core in other hands moves the figures. */
const BUSY_SHARE_MAX = 0.05;
const BUSY_LOOK_MS = 2_000;

/** How busy the two cores are with what is not ours: shares of time, 0 to 1. */
export interface OthersShare {
  readonly gatewayCore: number;
  readonly otherCore: number;
}

/** The programs that the bench needs, with their full paths. */
export interface Tools {
  readonly taskset: string;
  readonly wrk: string;
}

/** Finds or installs the tools. Throws BenchRefused where one cannot be had, or the machine has not got the cores. */
export async function findTools(): Promise<Tools> {
  if (process.platform !== 'linux')
    throw new BenchRefused('The bench reads CPU times from /proc and pins processes to cores: it needs Linux.');
  const cores = parseCoreTimes(readFileSync('/proc/stat', 'utf8'));
  if (!cores.has(GATEWAY_CORE) || !cores.has(OTHER_CORE)) {
    throw new BenchRefused(
      `The bench needs two cores, one of them for the gateway alone; this machine has ${cores.size}.`,
    );
  }
  return { taskset: await tool('taskset', 'util-linux'), wrk: await tool('wrk', 'wrk') };
}

async function tool(name: string, debianPackage: string): Promise<string> {
  const found = findProgram(name);
  if (found !== undefined) return found;
  if (canInstallPackages()) {
    await installPackage(debianPackage);
    const installed = findProgram(name);
    if (installed !== undefined) return installed;
  }
  throw new BenchRefused(`${name} is missing. Install it (Debian: apt-get install ${debianPackage}).`);
}

/** Looks for 2 s at what the machine does while the bench does nothing. */
export async function othersShare(): Promise<OthersShare> {
  const look = (): ReturnType<typeof parseCoreTimes> => parseCoreTimes(readFileSync('/proc/stat', 'utf8'));
  const before = look();
  await delay(BUSY_LOOK_MS);
  const after = look();
  const share = (core: number): number => busyShare(before.get(core)!, after.get(core)!);
  return { gatewayCore: share(GATEWAY_CORE), otherCore: share(OTHER_CORE) };
}

/** What is to be said of a machine that others use; null for a quiet one. */
export function complaintAbout({ gatewayCore, otherCore }: OthersShare): string | null {
  if (gatewayCore <= BUSY_SHARE_MAX && otherCore <= BUSY_SHARE_MAX) return null;
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return (
    `The machine is busy: others use ${percent(gatewayCore)} of core ${GATEWAY_CORE} and ${percent(otherCore)} of core ${OTHER_CORE}; ` +
    `above ${percent(BUSY_SHARE_MAX)} the figures would mean little.`
  );
}

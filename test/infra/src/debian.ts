import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findProgram, runCommand } from './commands.js';

let last: Promise<unknown> = Promise.resolve();

/** Whether missing programs can be installed from Debian's packages: root, with apt-get. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && findProgram('apt-get') !== undefined;
}

/**
 * Installs one of Debian's packages, saying so, and keeps Debian from starting a server of its own: tests start
 * theirs, on ports and folders of their own. One at a time: apt holds a lock.
 */
export function installPackage(name: string): Promise<void> {
  const turn = last.then(() => install(name));
  last = turn.catch(() => undefined);
  return turn;
}

async function install(name: string): Promise<void> {
  process.stdout.write(`tests need ${name}, which is not installed: apt-get install ${name}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const restore = keepServersFromStarting();
  try {
    await runCommand('apt-get', ['update', '-qq'], { env, timeoutMs: 180_000 });
    const installed = await runCommand(
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', name],
      { env, timeoutMs: 300_000 },
    );
    if (!installed.ok) throw new Error(`apt-get install ${name} failed:\n${installed.output.slice(-2_000)}`);
    if (existsSync('/run/systemd/system')) await runCommand('systemctl', ['disable', '--now', name]);
  } finally {
    restore();
  }
}

function keepServersFromStarting(): () => void {
  // Read by the package's installation script, which otherwise makes and starts a cluster "main".
  const clusterSetting = '/etc/postgresql-common/createcluster.d/tollgate-test.conf';
  mkdirSync(dirname(clusterSetting), { recursive: true });
  writeFileSync(clusterSetting, 'create_main_cluster = false\n');
  // invoke-rc.d asks this script before it starts a service; 101 means "not allowed".
  const policy = '/usr/sbin/policy-rc.d';
  const policyIsOurs = !existsSync(policy);
  if (policyIsOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => {
    rmSync(clusterSetting, { force: true });
    if (policyIsOurs) rmSync(policy, { force: true });
  };
}

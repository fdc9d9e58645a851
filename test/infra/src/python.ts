import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram, runCommand } from './commands.js';
import { canInstallPackages, installPackage } from './debian.js';
import { reapFolder } from './reaper.js';

const INSTALL_MS_MAX = 300_000;

/**
 * The folder of Python's packages that a file of requirements pins, for `PYTHONPATH`, and the Python to run. Fetched by
 * pip the first time, then kept in TOLLGATE_TEST_CACHE or `~/.cache/tollgate-test`, one folder for each content of the
 * file and version of Python. Rejects where there is no Python and none can be installed.
 */
export async function pythonWith(requirementsFile: string): Promise<{ python: string; packages: string }> {
  const python = await pythonProgram();
  const { output: version } = await runCommand(python, ['--version']);
  const hash = createHash('sha256').update(readFileSync(requirementsFile)).update(version).digest('hex').slice(0, 12);
  const cache = process.env['TOLLGATE_TEST_CACHE'] ?? join(homedir(), '.cache', 'tollgate-test');
  const packages = join(cache, `python-${hash}`);
  if (!existsSync(packages)) await fetchPackages(python, requirementsFile, cache, packages);
  return { python, packages };
}

/** A Python that has pip, in an environment of its own: Debian's own pip installs nothing for others. */
async function pythonProgram(): Promise<string> {
  const found = findProgram('python3');
  if (found !== undefined && (await hasVenv(found))) return found;
  if (canInstallPackages()) {
    await installPackage('python3-venv');
    const installed = findProgram('python3');
    if (installed !== undefined && (await hasVenv(installed))) return installed;
  }
  throw new Error('Python 3 with venv is missing. Install it (Debian: apt-get install python3-venv).');
}

async function hasVenv(python: string): Promise<boolean> {
  return (await runCommand(python, ['-c', 'import venv, ensurepip'])).ok;
}

/** Into a folder beside it and then renamed, so that a broken download is never taken for a whole one. */
async function fetchPackages(python: string, requirements: string, cache: string, packages: string): Promise<void> {
  process.stdout.write(`tests need Python's packages of ${requirements}: fetching them with pip into ${packages}\n`);
  mkdirSync(cache, { recursive: true });
  const download = mkdtempSync(join(cache, 'download-'));
  reapFolder(download);
  try {
    const environment = join(download, 'environment');
    const target = join(download, 'packages');
    const flags = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
    const made = await runCommand(python, ['-m', 'venv', environment], { timeoutMs: INSTALL_MS_MAX });
    const fetched = made.ok
      ? await runCommand(
          join(environment, 'bin', 'python'),
          ['-m', 'pip', 'install', ...flags, '--target', target, '-r', requirements],
          { timeoutMs: INSTALL_MS_MAX },
        )
      : made;
    if (!fetched.ok)
      throw new Error(`pip could not fetch Python's packages (is PyPI reachable?):\n${fetched.output.slice(-2_000)}`);
    try {
      renameSync(target, packages);
    } catch (error) {
      // Another run was faster.
      if (!existsSync(packages)) throw error;
    }
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
}

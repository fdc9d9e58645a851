import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../program.js';

/** The release whose packages are used, whatever the machine runs: its Docker is new enough for what the files say. */
export const debianRelease = 'trixie';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The package sources of that release, in the form of `sources.list`. */
export function debianSources(): string {
  const lines = ['debian trixie', 'debian-security trixie-security', 'debian trixie-updates'];
  return lines.map((line) => `deb [signed-by=${keyring}] http://deb.debian.org/${line} main\n`).join('');
}

/**
 * A folder with what Debian's packages of these names hold. They are unpacked and not installed: a package of a server
 * starts it, and an engine that is installed is one that other tests find. `folder` keeps them for the next time.
 */
export async function unpackedPackages(folder: string, names: readonly string[]): Promise<string> {
  const unpacked = join(folder, `${debianRelease}-${names.join('-')}`);
  if (existsSync(unpacked)) return unpacked;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, 'download-'));
  try {
    const apt = ['lists/partial', 'cache/archives/partial', 'debs', 'files'];
    for (const name of apt) mkdirSync(join(work, name), { recursive: true });
    const sources = join(work, 'sources.list');
    writeFileSync(sources, debianSources());
    const options = [
      ...['-o', 'Dir::Etc::sourceparts=/dev/null', '-o', `Dir::Etc::sourcelist=${sources}`],
      ...['-o', `Dir::State::Lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`, '-o', 'APT::Sandbox::User=root'],
    ];
    await output('apt-get', [...options, '-qq', 'update'], { timeoutMs: 300_000 });
    await output('apt-get', [...options, '-qq', 'download', ...names], { cwd: join(work, 'debs'), timeoutMs: 600_000 });
    for (const file of readdirSync(join(work, 'debs')))
      await output('dpkg-deb', ['-x', join(work, 'debs', file), join(work, 'files')]);
    renameSync(join(work, 'files'), unpacked);
    return unpacked;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, installPackage, tempFolder } from '@tollgate/infra';
import { debianRelease, debianSources } from '../engine/debian-packages.js';
import type { Engine } from '../engine/engine.js';
import { output, run } from '../program.js';
import { baseImage, versionOf, type BaseImage, type StandIn } from './base-images.js';

/** The same distance from `src` and from `dist`. */
const recipes = fileURLToPath(new URL('../../bases/', import.meta.url));

const npmVersion = '11.19.1';
/** The module proxy has this one; older ones are refused for what stands in their go.mod. */
const mailpitVersion = '1.27.11';

/** How the images were got: a line for the report of what was tried. */
export type Bases =
  'that the engine has already' | 'from the registry' | 'made here, in the place of those of the registry';

/**
 * Brings the images that files name: from the registry where it answers, else as stand-ins that are made of Debian's
 * packages, npm, Maven and the Go module proxy, and kept in `cache`. Rejects where neither is possible.
 */
export async function bringBases(
  engine: Pick<Engine, 'env'>,
  references: readonly string[],
  cache: string,
): Promise<Bases> {
  const { env } = engine;
  const missing: string[] = [];
  for (const reference of references)
    if ((await run('docker', ['image', 'inspect', reference], { env })).code !== 0) missing.push(reference);
  if (missing.length === 0) return 'that the engine has already';
  if ((await run('docker', ['pull', '--quiet', missing[0]!], { env, timeoutMs: 300_000 })).code === 0) {
    for (const reference of missing.slice(1))
      await output('docker', ['pull', '--quiet', reference], { env, timeoutMs: 900_000 });
    return 'from the registry';
  }
  const wanted = missing.map(baseImage);
  await makeStandIns(engine, await unmade(engine, wanted), cache);
  for (const { standIn, reference } of wanted) await output('docker', ['tag', nameOf(standIn), reference], { env });
  return 'made here, in the place of those of the registry';
}

const nameOf = (standIn: StandIn | 'debian'): string => `standin/${standIn}`;

/** All but those that stand in already for another tag: a tag says only of Node.js which version is put in. */
async function unmade({ env }: Pick<Engine, 'env'>, wanted: readonly BaseImage[]): Promise<BaseImage[]> {
  const found: BaseImage[] = [];
  for (const image of wanted) {
    const isMade = (await run('docker', ['image', 'inspect', nameOf(image.standIn)], { env })).code === 0;
    if (!isMade || image.standIn === 'node') found.push(image);
  }
  return found;
}

async function makeStandIns(engine: Pick<Engine, 'env'>, wanted: readonly BaseImage[], cache: string): Promise<void> {
  if (wanted.length === 0) return;
  const { env } = engine;
  const archive = join(cache, `stand-ins-${digestOfRecipes(wanted)}.tar`);
  const names = [...new Set(wanted.map(({ standIn }) => nameOf(standIn)))];
  if (existsSync(archive)) {
    await output('docker', ['load', '--quiet', '--input', archive], { env, timeoutMs: 600_000 });
    return;
  }
  process.stdout.write(`containers: no registry answers: making ${names.join(', ')}\n`);
  await importDebian(engine, cache);
  for (const image of wanted) await buildStandIn(engine, image, cache);
  await output('docker', ['save', '--output', `${archive}.part`, ...names], { env, timeoutMs: 600_000 });
  renameSync(`${archive}.part`, archive);
}

/** Another recipe, version or release of Debian makes other images. */
function digestOfRecipes(wanted: readonly BaseImage[]): string {
  const images = [...wanted].sort((a, b) => a.reference.localeCompare(b.reference, 'en'));
  const hash = createHash('sha256').update(JSON.stringify([images, npmVersion, mailpitVersion, debianRelease]));
  for (const file of globSync('**/*', { cwd: recipes, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort())
    hash.update(file.slice(recipes.length)).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

async function importDebian({ env }: Pick<Engine, 'env'>, cache: string): Promise<void> {
  const archive = join(cache, `debian-${debianRelease}.tar`);
  if (!existsSync(archive)) {
    if (!findProgram('mmdebstrap')) await installPackage('mmdebstrap');
    const sources = join(tempFolder('tollgate-debian'), 'sources.list');
    writeFileSync(sources, debianSources());
    const options = ['--quiet', '--variant=minbase', '--include=ca-certificates', '--skip=output/dev'];
    const without = '--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*';
    await output('mmdebstrap', [...options, without, debianRelease, `${archive}.part.tar`, sources], {
      timeoutMs: 1_200_000,
    });
    renameSync(`${archive}.part.tar`, archive);
  }
  await output('docker', ['import', archive, nameOf('debian')], { env, timeoutMs: 300_000 });
}

async function buildStandIn({ env }: Pick<Engine, 'env'>, image: BaseImage, cache: string): Promise<void> {
  const { standIn } = image;
  const context = join(tempFolder('tollgate-base'), standIn);
  cpSync(join(recipes, standIn), context, { recursive: true });
  await fillers[standIn](context, image, cache);
  await output('docker', ['build', '--quiet', '--network', 'host', '--tag', nameOf(standIn), context], {
    env,
    timeoutMs: 1_200_000,
  });
  rmSync(context, { recursive: true, force: true });
}

/** Put into a build's folder what its recipe copies. */
const fillers: Readonly<
  Record<StandIn, (context: string, image: BaseImage, cache: string) => Promise<void> | undefined>
> = {
  node: async (context, image) => {
    await unpackFromNpm(`node-linux-${architecture()}@${versionOf(image)}`, join(context, 'package'));
    mkdirSync(join(context, 'node/bin'), { recursive: true });
    renameSync(join(context, 'package/bin/node'), join(context, 'node/bin/node'));
    mkdirSync(join(context, 'node/lib/node_modules'), { recursive: true });
    await unpackFromNpm(`npm@${npmVersion}`, join(context, 'node/lib/node_modules/npm'));
    await copyMachinesSettings(join(context, 'machine'));
  },
  kafka: async (context) => {
    const libs = [`-DoutputDirectory=${join(context, 'libs')}`, '-DincludeScope=runtime'];
    const goal = ['-q', '-B', '-f', join(context, 'pom.xml'), 'dependency:copy-dependencies'];
    if (!findProgram('mvn')) await installPackage('maven');
    await output('mvn', [...goal, ...libs], { timeoutMs: 600_000 });
  },
  mailpit: async (context, _image, cache) => {
    const program = join(cache, `mailpit-${mailpitVersion}`);
    if (!existsSync(program)) {
      if (!findProgram('go')) throw new Error('Go is missing, which builds the mail catcher');
      const folder = tempFolder('tollgate-mailpit');
      const args = ['install', '-trimpath', '-ldflags', '-s -w', `github.com/axllent/mailpit@v${mailpitVersion}`];
      const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' };
      await output('go', args, { env, timeoutMs: 1_800_000 });
      cpSync(join(folder, 'mailpit'), program);
    }
    cpSync(program, join(context, 'mailpit'));
  },
  postgres: () => undefined,
  redis: () => undefined,
  haproxy: () => undefined,
};

function architecture(): 'x64' | 'arm64' {
  if (process.arch === 'x64' || process.arch === 'arm64') return process.arch;
  throw new Error(`no Node.js for ${process.arch} stands in the npm registry`);
}

async function unpackFromNpm(name: string, folder: string): Promise<void> {
  const work = tempFolder('tollgate-npm');
  const packed = await output('npm', ['pack', '--silent', name], { cwd: work, timeoutMs: 600_000 });
  mkdirSync(folder, { recursive: true });
  await output('tar', ['-xzf', join(work, packed), '--strip-components=1', '-C', folder]);
  rmSync(work, { recursive: true, force: true });
}

/** Behind a proxy that shows certificates of its own, npm inside needs the machine's certificates and settings. */
async function copyMachinesSettings(folder: string): Promise<void> {
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  const settings = await output('npm', ['config', 'get', 'globalconfig'], { cwd: '/' });
  for (const [from, to] of [
    [certificates, certificates],
    [settings, '/usr/local/etc/npmrc'],
  ] as const) {
    if (!existsSync(from)) continue;
    cpSync(from, join(folder, to), { dereference: true });
  }
  mkdirSync(folder, { recursive: true });
}

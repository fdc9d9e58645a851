import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchRefused } from './preconditions.js';

/** The apps that the bench runs of each build. */
export const BENCH_APPS = ['gateway', 'key-management', 'usage-billing'] as const;
export type BenchApp = (typeof BENCH_APPS)[number];

/** A checkout that has been built. */
export interface Build {
  /** What messages call it. */
  readonly name: string;
  /** Its root, absolute. */
  readonly folder: string;
}

/** The build that this bench is part of. */
export const thisBuild: Build = { name: 'this build', folder: fileURLToPath(new URL('../../../', import.meta.url)) };

/** Where Node.js finds an app of a build. */
export function scriptOf(build: Build, app: BenchApp): string {
  return join(build.folder, 'apps', app, 'dist', 'main.js');
}

/** Whether the services of a build log in as roles of their own. Builds of release 0.1.0 know no such roles. */
export function hasRoles(build: Build): boolean {
  return readFileSync(join(build.folder, 'apps/key-management/dist/config.js'), 'utf8').includes(
    'DATABASE_MIGRATION_URL',
  );
}

/** Whether the services of a build log in to Redis as themselves; an older one did so as `default`. */
export function hasRedisUsers(build: Build): boolean {
  return existsSync(join(build.folder, 'deploy/redis/start-redis.sh'));
}

/** Whether a build has providers of the type `anthropic`; an older one refuses a configuration that names one. */
export function speaksToAnthropic(build: Build): boolean {
  return existsSync(join(build.folder, 'apps/gateway/dist/providers/anthropic'));
}

/** Whether a build knows the field `type` of providers; release 0.1.0 knows `dialect` alone. */
export function hasProviderTypes(build: Build): boolean {
  return existsSync(join(build.folder, 'apps/gateway/dist/providers/azure'));
}

/**
 * The build in a folder, after a look at whether it can be run and compared. Throws BenchRefused, with one line that
 * says what is wrong, where there is no such folder or it is not built, where its packages are those of another
 * checkout (which would then be measured in its place), or where it brings another Node.js than `nodeVersion` (such as
 * `26.10.0`), on which both are run: the difference would be one of Node.js.
 */
export function formerBuild(folder: string, nodeVersion: string): Build {
  const root = resolve(folder);
  const refuse = (what: string): never => {
    throw new BenchRefused(`--against ${folder}: ${what}`);
  };
  if (!existsSync(root)) refuse('there is no such folder.');
  if (!statSync(root).isDirectory()) refuse('this is not a folder.');
  const build = { name: 'the former build', folder: root };
  const absent = BENCH_APPS.find((app) => !existsSync(join(root, 'apps', app)));
  if (absent !== undefined) refuse(`this is no checkout of Tollgate, for it has no apps/${absent}.`);
  if (!existsSync(join(root, 'node_modules'))) {
    refuse('its packages are not installed. Run npm ci && npm run build there.');
  }
  const unbuilt = BENCH_APPS.find((app) => !existsSync(scriptOf(build, app)));
  if (unbuilt !== undefined) {
    refuse(`it is not built, for it has no apps/${unbuilt}/dist/main.js. Run npm run build there.`);
  }
  const foreign = foreignPackage(root);
  if (foreign !== undefined) {
    refuse(`its ${foreign} leads to another checkout, which would be measured instead. Run npm ci there.`);
  }
  const brings = nodeBroughtBy(root);
  if (brings !== undefined && brings !== nodeVersion) {
    refuse(`it brings Node.js ${brings}, and this bench runs on ${nodeVersion}: both have to run on the same.`);
  }
  return build;
}

/** A package of the workspace that is not this checkout's own, as a linked or copied `node_modules` has them. */
function foreignPackage(root: string): string | undefined {
  const own = realpathSync(root) + sep;
  const folder = join('node_modules', '@tollgate');
  const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
  return names
    .map((name) => join(folder, name))
    .find((path) => {
      // A link that leads nowhere belongs to a package that was renamed, and nobody loads it.
      return existsSync(join(root, path)) && !realpathSync(join(root, path)).startsWith(own);
    });
}

/** The Node.js that `npm ci` has put into a checkout; undefined where it has put none. */
function nodeBroughtBy(root: string): string | undefined {
  const file = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : undefined;
}

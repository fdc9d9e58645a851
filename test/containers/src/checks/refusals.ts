import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceOf, type House } from '../house/house.js';
import type { Ran } from '../program.js';
import { holds, none, type Part } from './check.js';

/** How long a start may take to say what is wrong, in ms. */
const START_MS = 90_000;

/** Runs the app of a service once, as the house would, and gives what it said until it ended. */
async function startOnce(house: House, service: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return house.compose(['run', '--rm', '--no-deps', '--quiet-pull', ...settings, service], { timeoutMs: START_MS });
}

/** One sentence that begins with the setting, and no stack. */
function refusedBy({ code, stdout, stderr }: Ran, name: string): string {
  const said = `${stdout}\n${stderr}`;
  const line = said.split('\n').find((each) => each.includes(name)) ?? '';
  holds(code !== 0 && code !== null, `the start ended with ${code} and said: ${said.slice(-600)}`);
  holds(line !== '', `${name} is not named in: ${said.slice(-600)}`);
  holds(!/\n\s+at .*\(.*:\d+:\d+\)/.test(said) && !/\\n\s+at /.test(line), `there is a stack in: ${said.slice(-900)}`);
  return line.trim().slice(0, 220);
}

export const refusals: Part = {
  name: 'What is missing is refused by name',
  checks: [
    {
      name: 'a file of a secret that is missing',
      run: async ({ house }) => {
        const file = join(house.folder, 'secrets', 'tollgate_pepper');
        renameSync(file, `${file}.away`);
        try {
          const { code, stdout, stderr } = await startOnce(house, 'gateway');
          holds(code !== 0, 'the gateway started without it');
          holds(`${stdout}${stderr}`.includes('tollgate_pepper'), `it said: ${(stdout + stderr).slice(-400)}`);
          return lastLine(stdout + stderr);
        } finally {
          renameSync(`${file}.away`, file);
        }
      },
    },
    {
      name: 'a file of a secret that is empty',
      run: async ({ house }) => {
        const file = join(house.folder, 'secrets', 'tollgate_pepper');
        const before = readFileSync(file);
        chmodSync(file, 0o644);
        writeFileSync(file, '');
        try {
          return refusedBy(await startOnce(house, 'gateway'), 'TOLLGATE_PEPPER');
        } finally {
          writeFileSync(file, before);
          chmodSync(file, 0o444);
        }
      },
    },
    {
      name: 'a credential of a provider that routes lead to',
      run: async ({ house }) =>
        refusedBy(await startOnce(house, 'gateway', { OPENAI_API_KEY_FILE: '', OPENAI_API_KEY: '' }), 'OPENAI_API_KEY'),
    },
    {
      name: 'a configuration that is not there, or is a folder',
      run: async ({ house }) => {
        const missing = refusedBy(
          await startOnce(house, 'gateway', { TOLLGATE_CONFIG: '/etc/nope.yaml' }),
          '/etc/nope.yaml',
        );
        refusedBy(await startOnce(house, 'gateway', { TOLLGATE_CONFIG: '/etc' }), 'TOLLGATE_CONFIG');
        return missing;
      },
    },
    {
      name: 'a path of the configuration on the host that does not exist makes no folder there',
      run: async ({ house }) => {
        const env = { ...house.env, TOLLGATE_CONFIG_FILE: './nope.yaml' };
        const { code, stdout, stderr } = await house.compose(['run', '--rm', '--no-deps', 'gateway'], {
          env,
          timeoutMs: START_MS,
        });
        const made = existsSync(join(house.folder, 'nope.yaml'));
        rmSync(join(house.folder, 'nope.yaml'), { recursive: true, force: true });
        holds(!made, 'a folder nope.yaml was made on the host');
        holds(code !== 0, 'the gateway started');
        return lastLine(stdout + stderr);
      },
    },
    {
      name: 'a journal folder that may not be written',
      run: async ({ house }) =>
        refusedBy(await startOnce(house, 'gateway', { TOLLGATE_DATA: '/usr' }), 'TOLLGATE_DATA'),
    },
    {
      name: 'a start that is refused leaves no container behind',
      run: async ({ house }) => {
        const left = (await house.containers()).filter(
          (each) => each.Config.Labels['com.docker.compose.oneoff'] === 'True' && each.State.Status !== 'running',
        );
        none('left', left.map(serviceOf));
      },
    },
  ],
};

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 220) ?? '';

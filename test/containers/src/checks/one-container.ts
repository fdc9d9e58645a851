import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { lastWords, output, run, type Ran } from '../program.js';
import { holds, NotTried, type Part, type Stage } from './check.js';
import { dockerRunLines } from './readme.js';

export const oneContainer: Part = {
  name: 'The `docker run` line of the README, typed as it stands',
  needsHouse: false,
  checks: [
    {
      name: 'it serves, without rights and within limits, and ends within seconds',
      run: (stage) =>
        typed(stage, async (line, container) => {
          const start = performance.now();
          const ran = await shell(stage, line);
          holds(ran.code === 0, `it ended with ${ran.code}: ${lastWords(ran)}`);
          const url = 'http://127.0.0.1:8080';
          await waitUntil(async () => (await fetch(`${url}/healthz`)).ok, {
            what: `${url} to answer`,
            timeoutMs: 120_000,
            intervalMs: 500,
          });
          const ready = secondsSince(start);
          const { HostConfig } = await inspect<{ HostConfig: Hardened }>(stage, container);
          holds(HostConfig.ReadonlyRootfs && HostConfig.CapDrop?.includes('ALL'), 'its root or a capability is open');
          holds(HostConfig.Init && HostConfig.Memory > 0 && (HostConfig.PidsLimit ?? 0) > 0, 'no init, or no limits');
          const stopped = performance.now();
          await docker(stage, ['stop', container]);
          const seconds = secondsSince(stopped);
          const { State } = await inspect<{ State: { ExitCode: number } }>(stage, container);
          holds(State.ExitCode === 0, `it ended with code ${State.ExitCode}`);
          return `ready after ${ready} s, stopped in ${seconds} s`;
        }),
    },
    {
      name: 'a stop while it is still starting is obeyed',
      run: (stage) =>
        typed(stage, async (line, container) => {
          const ran = await shell(stage, line);
          holds(ran.code === 0, `it ended with ${ran.code}: ${lastWords(ran)}`);
          await delay(1_500);
          const start = performance.now();
          await docker(stage, ['stop', '--time', '40', container]);
          const seconds = secondsSince(start);
          holds(seconds < 20, `it took ${seconds} s`);
          return `${seconds} s`;
        }),
    },
  ],
};

interface Hardened {
  readonly ReadonlyRootfs: boolean;
  readonly CapDrop: readonly string[] | null;
  readonly Init: boolean | null;
  readonly Memory: number;
  readonly PidsLimit: number | null;
}

/**
 * The line that starts a container in the background is tried with the image under the name that stands there. It is
 * not tried where the engine has something of these names, which is somebody's.
 */
async function typed(stage: Stage, attempt: (line: string, container: string) => Promise<string>): Promise<string> {
  const lines = dockerRunLines(readFileSync(join(stage.repository, 'README.md'), 'utf8'));
  const line = lines.find((each) => / (?:-d|--detach) /.test(each) && / --name[ =]\S+/.test(each));
  if (line === undefined)
    throw new Error(`README has no line that runs the image detached and by a name: ${lines.join(' | ')}`);
  const container = / --name[ =](\S+)/.exec(line)![1]!;
  const image = line.trim().split(/\s+/).at(-1)!;
  const volume = / --volume[ =]([\w.-]+):/.exec(line)?.[1];
  const things = [
    ['container', container],
    ['image', image],
    ...(volume === undefined ? [] : [['volume', volume]]),
  ] as [string, string][];
  for (const [kind, name] of things)
    if ((await run('docker', [kind, 'inspect', name], { env: stage.env })).code === 0)
      throw new NotTried(`the engine has a ${kind} of the name ${name}`);
  await docker(stage, ['tag', stage.image, image]);
  try {
    return await attempt(line, container);
  } finally {
    await run('docker', ['rm', '--force', '--volumes', container], { env: stage.env });
    if (volume !== undefined) await run('docker', ['volume', 'rm', '--force', volume], { env: stage.env });
    await run('docker', ['rmi', image], { env: stage.env });
  }
}

const secondsSince = (start: number): number => Math.round((performance.now() - start) / 100) / 10;

function shell({ env, repository }: Stage, line: string): Promise<Ran> {
  const own = { ...env, OPENAI_API_KEY: 'sk-nobodys-key-000000000000' };
  return run('bash', ['-c', line], { env: own, cwd: repository, timeoutMs: 120_000 });
}

const docker = ({ env }: Stage, args: readonly string[]): Promise<string> => output('docker', args, { env });

async function inspect<T>(stage: Stage, container: string): Promise<T> {
  return (JSON.parse(await docker(stage, ['inspect', container])) as [T])[0];
}

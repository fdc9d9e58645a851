import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { lastWords, run, type Ran } from '../program.js';
import { holds, type Part, type Stage } from './check.js';
import { dockerRunLines } from './readme.js';

export const oneContainer: Part = {
  name: 'The `docker run` line of the README, typed as it stands',
  needsHouse: false,
  checks: [
    {
      name: 'it serves a key and a call, keeps them through a stop and a start, and ends within seconds',
      run: async (stage) => {
        const { name, line, container } = typed(stage);
        try {
          const start = performance.now();
          const ran = await shell(stage, line);
          holds(ran.code === 0, `it ended with ${ran.code}: ${lastWords(ran)}`);
          const url = 'http://127.0.0.1:8080';
          await waitUntil(async () => (await fetch(`${url}/healthz`)).ok, {
            what: `${url} to answer`,
            timeoutMs: 120_000,
            intervalMs: 500,
          });
          const ready = Math.round((performance.now() - start) / 100) / 10;
          const { HostConfig } = (
            JSON.parse(await output(stage, ['inspect', container])) as [{ HostConfig: Hardened }]
          )[0];
          holds(
            HostConfig.ReadonlyRootfs && HostConfig.CapDrop?.includes('ALL'),
            'it is not read-only, or has capabilities',
          );
          holds(
            HostConfig.Init && HostConfig.Memory > 0 && (HostConfig.PidsLimit ?? 0) > 0,
            'it has no init or no limits',
          );
          const stopped = performance.now();
          await output(stage, ['stop', container]);
          const seconds = Math.round((performance.now() - stopped) / 100) / 10;
          const [{ State }] = JSON.parse(await output(stage, ['inspect', container])) as [
            { State: { ExitCode: number } },
          ];
          holds(State.ExitCode === 0, `it ended with code ${State.ExitCode}`);
          return `${name}: ready after ${ready} s, stopped in ${seconds} s`;
        } finally {
          await run('docker', ['rm', '--force', '--volumes', container], { env: stage.env });
          await run('docker', ['volume', 'rm', '--force', 'tollgate'], { env: stage.env });
        }
      },
    },
    {
      name: 'a stop while it is still starting is obeyed',
      run: async (stage) => {
        const { line, container } = typed(stage);
        try {
          await shell(stage, line);
          await delay(1_500);
          const start = performance.now();
          await output(stage, ['stop', '--time', '40', container]);
          const seconds = Math.round((performance.now() - start) / 100) / 10;
          holds(seconds < 20, `it took ${seconds} s`);
          return `${seconds} s`;
        } finally {
          await run('docker', ['rm', '--force', '--volumes', container], { env: stage.env });
          await run('docker', ['volume', 'rm', '--force', 'tollgate'], { env: stage.env });
        }
      },
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

/** The line that starts a container in the background, and the name that it gives it. */
function typed({ repository }: Stage): { name: string; line: string; container: string } {
  const lines = dockerRunLines(readFileSync(join(repository, 'README.md'), 'utf8'));
  const line = lines.find((each) => / (?:-d|--detach) /.test(each) && / --name[ =]\S+/.test(each));
  if (line === undefined)
    throw new Error(`README has no line that runs the image detached and by a name: ${lines.join(' | ')}`);
  const container = / --name[ =](\S+)/.exec(line)![1]!;
  return { name: container, line, container };
}

function shell({ env, repository }: Stage, line: string): Promise<Ran> {
  const own = { ...env, OPENAI_API_KEY: 'sk-nobodys-key-000000000000' };
  return run('bash', ['-c', line], { env: own, cwd: repository, timeoutMs: 120_000 });
}

async function output({ env }: Stage, args: readonly string[]): Promise<string> {
  const ran = await run('docker', args, { env });
  if (ran.code !== 0) throw new Error(`docker ${args.join(' ')} failed: ${lastWords(ran)}`);
  return ran.stdout.trim();
}

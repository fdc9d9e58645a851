import { fileURLToPath } from 'node:url';
import { isRunning, startProcess, waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';

const built = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
/** Starts a child that stays. What it does with that fails when the child has ended, and would end it with code 1. */
const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const program = `
  import { startProcess } from '@tollgate/infra';
  import { endChildrenOnSignals } from ${built('../dist/interruption.js')};
  const interruption = endChildrenOnSignals();
  const child = await startProcess({ name: 'child', command: 'sleep', args: ['600'] });
  console.log('child', child.pid);
  const failed = async () => {
    await child.exited;
    return interruption.begun ? interruption.ended : 1;
  };
  process.exit(await Promise.race([failed(), interruption.ended]));
`;

describe('a bench that is told to end', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('has ended all it had started when it ends itself: %s', async (signal, code) => {
    const bench = await startProcess({
      name: 'bench',
      command: process.execPath,
      args: ['--input-type=module', '-e', program],
      cwd: packageFolder,
    });
    const child = Number(await waitUntil(() => /child (\d+)/.exec(bench.output())?.[1], { what: 'the child to run' }));
    process.kill(bench.pid, signal);
    // npm and the terminal may both send one.
    process.kill(bench.pid, signal);
    expect(await bench.closed).toEqual({ code, signal: null });
    expect(isRunning(child)).toBe(false);
    expect(bench.output()).toContain(`${signal}: ending all that the bench has started`);
  });
});

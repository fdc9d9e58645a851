import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { serviceOf, type Container } from '../house/house.js';
import { holds, NotTried, type Part } from './check.js';

/** Of one core, for the whole house at rest. */
const SHARE_MAX = 0.15;
/** Longer than any interval of a health check. */
const MEASURED_MS = 90_000;

/** CPU time that a control group has used, in ns. */
function cpuTime({ State }: Container): bigint {
  const lines = readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(':'));
  const own = lines.find(([, controllers]) => controllers?.split(',').includes('cpuacct'));
  if (own !== undefined)
    for (const controller of ['cpuacct', 'cpu,cpuacct']) {
      const file = `/sys/fs/cgroup/${controller}${own[2]}/cpuacct.usage`;
      if (existsSync(file)) return BigInt(readFileSync(file, 'utf8').trim());
    }
  const unified = `/sys/fs/cgroup${lines.find(([id]) => id === '0')?.[2]}/cpu.stat`;
  const usec = existsSync(unified) && /^usage_usec (\d+)/m.exec(readFileSync(unified, 'utf8'))?.[1];
  if (!usec) throw new NotTried('the control groups of containers cannot be seen from here');
  return BigInt(usec) * 1_000n;
}

export const idle: Part = {
  name: 'At rest',
  checks: [
    {
      name: `the whole house takes less than ${SHARE_MAX * 100} % of a core, health checks included`,
      run: async ({ house }) => {
        // What a start or other checks have left to do is over by then.
        await delay(30_000);
        const containers = await house.running();
        const before = new Map(containers.map((each) => [each.Id, cpuTime(each)]));
        const start = process.hrtime.bigint();
        await delay(MEASURED_MS);
        const nanoseconds = Number(process.hrtime.bigint() - start);
        const shares = containers.map(
          (each) => [serviceOf(each), Number(cpuTime(each) - before.get(each.Id)!) / nanoseconds] as const,
        );
        const sum = shares.reduce((total, [, share]) => total + share, 0);
        const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
        const table = shares.map(([name, share]) => `${name} ${percent(share)}`).join(', ');
        holds(sum < SHARE_MAX, `it takes ${percent(sum)}: ${table}`);
        return `${percent(sum)}: ${table}`;
      },
    },
  ],
};

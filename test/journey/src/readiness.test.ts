import { waitUntil } from '@tollgate/infra';
import { expect, it } from 'vitest';
import { startDistributed } from './kit/distributed.js';

/** Readiness by process, as a probe sees it. */
async function readinessOf(ports: ReadonlyMap<string, string>) {
  const all = [...ports].map(async ([name, port]) => {
    const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
    const { checks } = (await reply.json()) as { checks: Record<string, boolean> };
    return [name, { status: reply.status, checks }] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

it('without Redis every process stays ready and says so, keys without a cap are served, and a revoked key is dead all the same', async () => {
  const ports = new Map<string, string>();
  const shape = await startDistributed({
    environmentOf: (process, environment) => {
      ports.set(process, environment['TOLLGATE_OPERATIONS_PORT']!);
      return environment;
    },
  });
  const [living, revoked, capped] = [
    await shape.client().createKey(),
    await shape.client().createKey(),
    await shape.client().createKey({ credit_limit_usd: 5 }),
  ];
  const askAll = (secret: string) =>
    Promise.all(shape.gateways.map(async (_, gateway) => (await shape.client(gateway).chat(secret)).status));
  for (const { secret } of [living, revoked, capped]) expect(await askAll(secret)).toEqual([200, 200]);

  await shape.redis.kill();
  const untilKeyChanges = (heard: boolean, what: string) =>
    waitUntil(
      async () => {
        const readiness = await readinessOf(ports);
        // Each process notices by itself.
        const all = [0, 1].map((gateway) => readiness[`gateway ${gateway}`]!.checks['keyChanges']);
        return [...all, readiness['key-management']!.checks['redis']].every((each) => each === heard) && readiness;
      },
      { what },
    );
  const readiness = await untilKeyChanges(false, 'every process to show that it does not reach Redis');
  expect(Object.values(readiness).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(readiness['gateway 0']!.checks).toMatchObject({ keyChanges: false, journal: true });
  expect(readiness['key-management']!.checks).toMatchObject({ postgres: true, redis: false });

  expect(await askAll(living.secret)).toEqual([200, 200]);
  expect(await askAll(capped.secret)).toEqual([503, 503]);
  // It cannot be told to anybody, and is stored; gateways ask about each key.
  const { status } = await shape.client().admin('POST', `/v1/api-keys/${revoked.id}/revoke`);
  expect(status).toBe(202);
  expect(await askAll(revoked.secret)).toEqual([401, 401]);

  await shape.redis.restart();
  await untilKeyChanges(true, 'every process to reach Redis again');
  expect(await askAll(revoked.secret)).toEqual([401, 401]);
  expect(await askAll(living.secret)).toEqual([200, 200]);
  await shape.stop();
}, 300_000);

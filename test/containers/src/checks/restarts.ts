import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import type { CreatedKey, TollgateClient } from '@tollgate/journey';
import { serviceOf, type Container, type House } from '../house/house.js';
import { clientOf, untilServed, usageAt } from '../house/people.js';
import { holds, NotTried, type Part } from './check.js';

/** After a store was away: leases end, journals are shipped, and credit is counted anew. */
const RECOVERY_MS = 180_000;

/** Ends the first process of a container from outside: to the engine that is a crash, and not a stop by hand. */
function crash({ State }: Container): void {
  try {
    process.kill(State.Pid, 'SIGKILL');
  } catch (error) {
    throw new NotTried(`processes of containers cannot be ended from here (${(error as Error).message})`);
  }
}

async function isBack(house: House, { Id, RestartCount }: Container): Promise<boolean> {
  const found = (await house.running()).find((each) => each.Id === Id);
  return found !== undefined && found.RestartCount > RestartCount && found.State.Health?.Status === 'healthy';
}

/** Calls once, and throws unless the usage then says exactly so many requests, and still does a moment later. */
async function bookedOnce(client: TollgateClient, key: CreatedKey, paid: number): Promise<void> {
  const { requests } = await usageAt(client, key, paid, RECOVERY_MS);
  await delay(5_000);
  const later = await client.usage(key.id);
  holds(
    requests === paid && later.requests === paid,
    `${paid} calls were answered, and the usage says ${requests} and then ${later.requests} requests`,
  );
}

/** Calls with a key until one is answered 200, and gives how many were. */
async function paidUntilServed(client: TollgateClient, key: CreatedKey): Promise<number> {
  await untilServed(client, key.secret, RECOVERY_MS);
  return 1;
}

export const restarts: Part = {
  name: 'Crashes and restarts',
  checks: [
    {
      name: 'each container that is killed comes back by itself, and each call that was answered is booked once',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'crashed', credit_limit_usd: '5' });
          let paid = await paidUntilServed(client, key);
          const victims = await house.running();
          const start = performance.now();
          for (const victim of victims) {
            crash(victim);
            await delay(1_000);
            // Some are refused: a capped key needs Redis and a ledger that is up to date.
            const { status } = await client.chat(key.secret, { max_tokens: 2 }).catch(() => ({ status: 0 }));
            if (status === 200) paid += 1;
          }
          for (const victim of victims)
            await waitUntil(() => isBack(house, victim), {
              what: `${serviceOf(victim)} to be back and healthy`,
              timeoutMs: RECOVERY_MS,
              intervalMs: 1_000,
            });
          paid += await paidUntilServed(client, key);
          const seconds = Math.round((performance.now() - start) / 1000);
          await bookedOnce(client, key, paid);
          return `${victims.length} containers; served ${seconds} s after the first was killed; ${paid} calls booked`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'after `docker compose restart` everything is healthy again, and `docker compose up` changes nothing',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'restarted', credit_limit_usd: '5' });
          let paid = await paidUntilServed(client, key);
          const before = (await house.running()).map(({ Id }) => Id);
          const start = performance.now();
          await house.composed(['restart'], { timeoutMs: 400_000 });
          await house.up();
          const seconds = Math.round((performance.now() - start) / 1000);
          const after = (await house.running()).map(({ Id }) => Id);
          holds(before.join() === after.join(), 'containers were made anew');
          paid += await paidUntilServed(client, key);
          await bookedOnce(client, key, paid);
          return `healthy after ${seconds} s; ${paid} calls booked`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'the command for a volume that nobody mounts ships what a gateway has left there, and each call is booked once',
      run: async ({ house }) => {
        const client = clientOf(house);
        const name = `${house.project}-left-${randomBytes(3).toString('hex')}`;
        try {
          const key = await client.createKey({ name: 'left', credit_limit_usd: '5' });
          let paid = await paidUntilServed(client, key);
          await house.docker(['volume', 'create', name]);
          // A gateway of its own, of which the balancer does not know; so connections begin as callers' do.
          const settings = ['--volume', `${name}:/data`, '--env', 'TOLLGATE_PROXY_PROTOCOL='];
          await house.composed(['run', '--detach', '--no-deps', '--name', name, ...settings, 'gateway']);
          const [{ NetworkSettings }] = JSON.parse(await house.docker(['inspect', name])) as [Container];
          const address = Object.entries(NetworkSettings.Networks).find(([network]) => network.endsWith('_edge'))![1];
          const direct = clientOf(house, `http://${address.IPAddress}:8080`);
          await untilServed(direct, key.secret);
          await house.composed(['stop', 'kafka']);
          for (let call = 0; call < 4; call += 1) {
            const { status } = await direct.chat(key.secret, { max_tokens: 3 });
            holds(status === 200, `a call without Kafka was answered ${status}`);
          }
          await direct.close();
          await house.docker(['kill', '--signal', 'KILL', name]);
          await house.docker(['rm', '--force', name]);
          paid += 5;
          await house.composed(['start', 'kafka']);
          const start = performance.now();
          const command = ['run', '--rm', '--no-deps', '--volume', `${name}:/former`, '--env', 'TOLLGATE_DATA=/former'];
          const said = await house.composed([...command, 'gateway', 'apps/gateway/dist/ship-journals.js']);
          const seconds = Math.round((performance.now() - start) / 1000);
          holds(said.includes('1 journal was shipped, booked and removed'), `it said: ${said.slice(-400)}`);
          await bookedOnce(client, key, paid);
          return `${paid} calls booked; the command took ${seconds} s from the start of Kafka`;
        } finally {
          await house.docker(['rm', '--force', name]).catch(() => undefined);
          await house.docker(['volume', 'rm', '--force', name]).catch(() => undefined);
          await client.close();
        }
      },
    },
  ],
};

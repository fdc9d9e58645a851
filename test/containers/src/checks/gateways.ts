import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { serviceOf, type Container, type House } from '../house/house.js';
import { clientOf, untilServed, usageAt } from '../house/people.js';
import { holds, none, type Part } from './check.js';

/** Calls in turn until it is ended; what was not answered 200 is kept. */
class Caller {
  readonly failures: string[] = [];
  calls = 0;
  #over = false;
  readonly #running: Promise<void>;

  constructor(house: House, secret: string, pauseMs = 50) {
    const client = clientOf(house);
    this.#running = (async () => {
      while (!this.#over) {
        this.calls += 1;
        try {
          const { status, text } = await client.chat(secret, { max_tokens: 1 });
          if (status !== 200) this.failures.push(`${status} ${text.slice(0, 120)}`);
        } catch (error) {
          this.failures.push((error as Error).message);
        }
        await delay(pauseMs);
      }
      await client.close();
    })();
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#running;
  }
}

/** The completed calls of each gateway, by its own count. */
async function completedBy(gateways: readonly Container[], house: House): Promise<number[]> {
  return Promise.all(
    gateways.map(async (each) => {
      const ask = "fetch('http://127.0.0.1:9090/metrics').then((r) => r.text()).then((t) => console.log(t))";
      const { stdout } = await house.exec(each, ['node', '-e', ask]);
      return Number(/^tollgate_gateway_requests_total\{[^}]*outcome="completed"[^}]*\} (\d+)/m.exec(stdout)?.[1] ?? 0);
    }),
  );
}

const scaleTo = (house: House, count: number) => house.up(['--no-recreate', '--scale', `gateway=${count}`]);

export const gateways: Part = {
  name: 'Several gateways behind one address, and their end',
  checks: [
    {
      name: '`--scale gateway=3` has one address, and each gateway gets calls',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'scaled' });
          const start = performance.now();
          await scaleTo(house, 3);
          const seconds = Math.round((performance.now() - start) / 1000);
          const three = await house.running(['gateway']);
          holds(three.length === 3, `${three.length} gateways run`);
          const counts = await waitUntil(
            async () => {
              await Promise.all(Array.from({ length: 30 }, () => client.chat(key.secret, { max_tokens: 1 })));
              const found = await completedBy(three, house);
              return found.every((count) => count > 0) && found;
            },
            { what: 'each gateway to have had a call', timeoutMs: 30_000, intervalMs: 500 },
          );
          return `up in ${seconds} s; completed calls ${counts.join(', ')}`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'a gateway that is killed in a call costs other calls nothing, and comes back',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'killed' });
          const [victim] = await house.running(['gateway']);
          const callers = Array.from({ length: 4 }, () => new Caller(house, key.secret));
          await delay(2_000);
          await house.docker(['kill', '--signal', 'KILL', victim!.Id]);
          await delay(8_000);
          await Promise.all(callers.map((each) => each.end()));
          const failures = callers.flatMap((each) => each.failures);
          // Those that were under way in the killed one break, at most one for each caller.
          holds(failures.length <= 4, `${failures.length} calls failed: ${failures.slice(0, 6).join('; ')}`);
          // `docker kill` counts as a stop by hand for restart policies.
          await house.docker(['start', victim!.Id]);
          return `${callers.reduce((sum, { calls }) => sum + calls, 0)} calls, ${failures.length} broken`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'gateways that are recreated are followed by the balancer, and no call fails',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'recreated' });
          const before = await house.running(['gateway']);
          await untilServed(client, key.secret);
          const callers = Array.from({ length: 3 }, () => new Caller(house, key.secret));
          // One after the other, as somebody does who replaces them without a pause.
          for (const each of before.slice(0, 2)) {
            await house.docker(['stop', '--time', '150', each.Id]);
            await house.docker(['rm', each.Id]);
            await scaleTo(house, 3);
          }
          const after = await house.running(['gateway']);
          await delay(4_000);
          await Promise.all(callers.map((each) => each.end()));
          const old = new Set(before.map(({ Id }) => Id));
          const fresh = after.filter(({ Id }) => !old.has(Id));
          holds(fresh.length === 2, `${fresh.length} gateways are new`);
          none(
            `of ${callers.reduce((sum, { calls }) => sum + calls, 0)} calls failed`,
            callers.flatMap(({ failures }) => failures),
          );
          const counts = await completedBy(fresh, house);
          holds(
            counts.every((count) => count > 0),
            `the new gateways completed ${counts.join(', ')} calls`,
          );
          return `${callers.reduce((sum, { calls }) => sum + calls, 0)} calls, none failed; the new ones had ${counts.join(', ')}`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'streams that are under way when their gateway is stopped end whole, and new calls meanwhile are answered',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'stopped' });
          await scaleTo(house, 2);
          const both = await house.running(['gateway']);
          await untilServed(client, key.secret);
          const { requests } = await usageAt(client, key, 1);
          const tokens = 60;
          // Both gateways get some: the balancer gives each call to the one that has fewer.
          const streams = await Promise.all(
            Array.from({ length: 6 }, () =>
              client.openChat(key.secret, {
                max_tokens: tokens,
                stream_options: { include_usage: true },
                simulator: { completion_tokens: tokens, chunks: tokens, chunk_interval_ms: 200 },
              }),
            ),
          );
          await Promise.all(streams.map((stream) => stream.until((text) => text.includes('word1'))));
          const caller = new Caller(house, key.secret);
          await house.docker(['stop', '--time', '150', both[0]!.Id], { timeoutMs: 200_000 });
          const [stopped] = (await house.containers(['gateway'])).filter(({ Id }) => Id === both[0]!.Id);
          await house.docker(['start', both[0]!.Id]);
          const ends = await Promise.all(streams.map(({ ended }) => ended));
          await caller.end();
          const broken = ends.filter(({ complete, text }) => !complete || !text.includes('data: [DONE]'));
          none(
            'streams broke',
            broken.map(({ text }) => text.slice(-200)),
          );
          none(`of ${caller.calls} new calls failed`, caller.failures);
          holds(stopped?.State.ExitCode === 0, `the gateway ended with code ${stopped?.State.ExitCode}`);
          const wanted = requests + streams.length + caller.calls;
          const usage = await usageAt(client, key, wanted);
          holds(usage.requests === wanted, `the usage says ${usage.requests} requests, and not ${wanted}`);
          return `${streams.length} streams whole, ${caller.calls} calls meanwhile, ${usage.requests} booked`;
        } finally {
          await client.close();
        }
      },
    },
  ],
};

/** Kafka away: what a gateway has journaled must reach the ledger, once, whoever carries it there. */
export const journals: Part = {
  name: 'No usage is lost or counted twice',
  checks: [
    {
      name: 'Kafka is stopped, calls are paid, the house is taken down and brought up: each call is booked once',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'journaled', credit_limit_usd: '5' });
          await untilServed(client, key.secret);
          const { requests } = await usageAt(client, key, 1);
          await house.composed(['stop', 'kafka']);
          const replies = [];
          for (let call = 0; call < 3; call += 1)
            replies.push((await client.chat(key.secret, { max_tokens: 7 })).status);
          holds(
            replies.every((status) => status === 200),
            `calls without Kafka were answered ${replies.join(', ')}`,
          );
          const start = performance.now();
          await house.composed(['down'], { timeoutMs: 400_000 });
          const down = Math.round((performance.now() - start) / 1000);
          await house.up();
          const up = Math.round((performance.now() - start) / 1000) - down;
          await untilServed(client, key.secret);
          const usage = await usageAt(client, key, requests + 4, 90_000);
          await delay(6_000);
          const later = await client.usage(key.id);
          holds(later.requests === requests + 4, `the usage says ${later.requests} requests, and not ${requests + 4}`);
          return `down ${down} s, up ${up} s, ${usage.requests} requests of ${requests + 4}`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'a gateway is killed while Kafka is away, and scaled away: another adopts its journal, and each call is booked once',
      run: async ({ house }) => {
        const client = clientOf(house);
        try {
          const key = await client.createKey({ name: 'adopted', credit_limit_usd: '5' });
          await scaleTo(house, 2);
          await untilServed(client, key.secret);
          const { requests } = await usageAt(client, key, 1);
          await house.composed(['stop', 'kafka']);
          let paid = 0;
          const before = await completedBy(await house.running(['gateway']), house);
          const both = await waitUntil(
            async () => {
              const replies = await Promise.all(
                Array.from({ length: 6 }, () => client.chat(key.secret, { max_tokens: 3 })),
              );
              paid += replies.filter(({ status }) => status === 200).length;
              const counts = await completedBy(await house.running(['gateway']), house);
              return counts.every((count, at) => count > before[at]!) && counts;
            },
            { what: 'both gateways to have paid calls in their journals', timeoutMs: 30_000, intervalMs: 300 },
          );
          const two = await house.running(['gateway']);
          await Promise.all(two.map(({ Id }) => house.docker(['kill', '--signal', 'KILL', Id])));
          await house.docker(['rm', '--force', two[1]!.Id]);
          await house.composed(['start', 'kafka']);
          await house.up(['--scale', 'gateway=1']);
          const left = await house.running(['gateway']);
          holds(left.length === 1, `${left.length} gateways run`);
          await untilServed(client, key.secret, 120_000);
          const start = performance.now();
          const wanted = requests + paid + 1;
          const usage = await usageAt(client, key, wanted, 180_000);
          const seconds = Math.round((performance.now() - start) / 1000);
          await delay(6_000);
          const later = await client.usage(key.id);
          holds(later.requests === wanted, `the usage says ${later.requests} requests, and not ${wanted}`);
          return `${both.join(' and ')} calls; booked ${usage.requests} ${seconds} s after the start`;
        } finally {
          await client.close();
        }
      },
    },
    {
      name: 'nothing is left on volumes without a name',
      run: async ({ house }) => {
        const nameless = (await house.running())
          .filter((each) => serviceOf(each) !== 'kafka')
          .flatMap((each) =>
            each.Mounts.filter(({ Type, Name }) => Type === 'volume' && /^[0-9a-f]{64}$/.test(Name ?? '')).map(
              ({ Destination }) => `${serviceOf(each)} ${Destination}`,
            ),
          );
        none('volumes without a name', nameless);
      },
    },
  ],
};

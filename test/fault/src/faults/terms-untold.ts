import { waitUntil } from '@tollgate/infra';
import { expect, it } from 'vitest';
import { expectInvariants } from '../invariants.js';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { rounds } from '../stage.js';

/** For the reply, which waits for the gateways for two seconds, and on a busy machine for longer. */
const answeredWithinMs = 20_000;
/** From the end of the outage to the refusal at every gateway. */
const enforcedWithinMs = 60_000;
const served = { max_tokens: 10 };
let projects = 0;

/** What is in the way of a change from usage-billing to the gateways. */
interface Obstacle {
  readonly begin: (stage: ServerStage) => Promise<void> | void;
  readonly end: (stage: ServerStage) => Promise<void> | void;
  /** How the change is answered meanwhile; 200 promises that it counts. */
  readonly status: 200 | 202;
}

const OBSTACLES: Readonly<Record<string, Obstacle>> = {
  'key-management is killed': {
    begin: ({ shape }) => shape.keyManagement.kill(),
    end: ({ shape }) => shape.keyManagement.startAgain(),
    status: 202,
  },
  'key-management cannot reach Redis': {
    begin: ({ redisOfKeyManagement }) => redisOfKeyManagement.set('cut'),
    end: ({ redisOfKeyManagement }) => redisOfKeyManagement.set('open'),
    status: 202,
  },
  'Redis does not answer key-management': {
    begin: ({ redisOfKeyManagement }) => redisOfKeyManagement.set('silent'),
    end: ({ redisOfKeyManagement }) => redisOfKeyManagement.set('open'),
    status: 202,
  },
  // The call that the reply waits for needs no bus.
  'Kafka is down': {
    begin: ({ kafka }) => kafka.kill(),
    end: ({ kafka }) => kafka.restart(),
    status: 200,
  },
};

export function termsUntold(stageOf: () => ServerStage): void {
  it('fault 26: a budget lowered to nothing while gateways cannot be told is answered in bounded time, stored, and enforced after', async () => {
    const stage = stageOf();
    const { shape } = stage;
    const client = shape.client();
    const figures: Record<string, string> = {};
    for (const [what, { begin, end, status }] of rounds().flatMap(() => Object.entries(OBSTACLES))) {
      const made = async (path: string, body: object): Promise<string> => {
        const reply = await client.admin('POST', path, body);
        expect(reply.status, reply.text).toBe(201);
        return reply.json<{ id: string }>().id;
      };
      const project = await made('/v1/projects', { name: `of the faults ${++projects}` });
      const key = await client.createKey({ project_id: project });
      const budget = await made('/v1/budgets', { project_id: project, amount_usd: '5' });
      const statuses = (): Promise<number[]> =>
        Promise.all(
          shape.gateways.map(async (_, gateway) => (await shape.client(gateway).chat(key.secret, served)).status),
        );
      expect(await statuses()).toEqual(shape.gateways.map(() => 200));

      await begin(stage);
      const asked = performance.now();
      const lowered = await client.admin('PATCH', `/v1/budgets/${budget}`, { amount_usd: '0' });
      const answeredMs = performance.now() - asked;
      expect(lowered.status, `${what}: ${lowered.text}`).toBe(status);
      expect(answeredMs, what).toBeLessThan(answeredWithinMs);
      const shown = await client.admin('GET', `/v1/budgets/${budget}`);
      expect(shown.json(), what).toMatchObject({ amount_usd: '0' });
      if (status === 200) expect(await statuses(), what).toEqual(shape.gateways.map(() => 402));

      await end(stage);
      const ended = performance.now();
      await waitUntil(async () => (await statuses()).every((each) => each === 402), {
        what: `the budget to be enforced after ${what}`,
        timeoutMs: enforcedWithinMs,
      });
      figures[what] =
        `answered after ${Math.round(answeredMs)} ms, enforced ${Math.round(performance.now() - ended)} ms after it`;
    }
    tellMeasured('fault 26: a lowered budget that gateways cannot be told', {
      ...figures,
      ...(await expectInvariants(shape, [])),
    });
  });
}

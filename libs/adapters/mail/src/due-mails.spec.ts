import { describe, expect, it } from 'vitest';
import { DueMails, retryDelay, type DueMail, type MailOutcome } from './due-mails.js';
import type { Mail } from './port.js';

const DAY_MS = 86_400_000;

/** Mails in memory, and what became of each. */
function queueOf(...mails: DueMail[]) {
  const results: string[] = [];
  const note = (text: string): Promise<void> => Promise.resolve(void results.push(text));
  return {
    results,
    mails,
    take: (leaseMs: number): Promise<DueMail | null> => {
      expect(leaseMs).toBe(60_000);
      return Promise.resolve(mails.shift() ?? null);
    },
    sent: (id: string) => note(`${id} sent`),
    retryIn: (id: string, ms: number) => note(`${id} in ${ms} ms`),
    abandon: (id: string) => note(`${id} given up`),
  };
}
const due = (id: string, fields: Partial<DueMail> = {}): DueMail => ({
  ...{ id, attempt: 1, createdAt: new Date() },
  ...fields,
});

/** Runs the loop until nothing is due; mails whose id stands in `refused` cannot be handed over. */
async function run(queue: ReturnType<typeof queueOf>, refused: readonly string[] = []) {
  const handedOver: Mail[] = [];
  const outcomes: [string, MailOutcome][] = [];
  const troubles: unknown[] = [];
  let idle: () => void = () => undefined;
  const isIdle = new Promise<void>((resolve) => (idle = resolve));
  const take = queue.take;
  const loop = new DueMails({
    queue: {
      ...queue,
      take: async (leaseMs) => {
        const taken = await take(leaseMs).catch((err: unknown) => {
          idle();
          throw err;
        });
        if (taken === null) idle();
        return taken;
      },
    },
    sender: {
      send: (mail) =>
        refused.includes(mail.id) ? Promise.reject(new Error('no')) : Promise.resolve(void handedOver.push(mail)),
    },
    write: ({ id }) => ({ id, to: ['a@example.com'], subject: id, text: id }),
    onOutcome: ({ id }, outcome) => outcomes.push([id, outcome]),
    onTrouble: (err) => troubles.push(err),
  });
  loop.start();
  await isIdle;
  await loop.stop();
  return { handedOver: handedOver.map(({ id }) => id), outcomes, troubles };
}

describe('mails that are due', () => {
  it('are sent one after the other, and marked as sent', async () => {
    const queue = queueOf(due('one'), due('two'));
    expect(await run(queue)).toMatchObject({
      handedOver: ['one', 'two'],
      outcomes: [
        ['one', 'sent'],
        ['two', 'sent'],
      ],
    });
    expect(queue.results).toEqual(['one sent', 'two sent']);
  });

  it('are tried again later, and hold up no other', async () => {
    const queue = queueOf(due('one', { attempt: 3 }), due('two'));
    expect(await run(queue, ['one'])).toMatchObject({
      handedOver: ['two'],
      outcomes: [
        ['one', 'failed'],
        ['two', 'sent'],
      ],
    });
    expect(queue.results).toEqual(['one in 4000 ms', 'two sent']);
  });

  it('are given up after a week', async () => {
    const queue = queueOf(due('old', { attempt: 700, createdAt: new Date(Date.now() - 8 * DAY_MS) }));
    expect((await run(queue, ['old'])).outcomes).toEqual([['old', 'abandoned']]);
    expect(queue.results).toEqual(['old given up']);
  });

  it('wait while the database cannot be asked', async () => {
    const queue = { ...queueOf(), take: () => Promise.reject(new Error('the database is away')) };
    expect((await run(queue)).troubles).toEqual([new Error('the database is away')]);
  });
});

it('the delay grows with each attempt, up to a quarter of an hour, for a week', () => {
  expect([1, 2, 3, 11, 1_000].map((attempt) => retryDelay(attempt, 0))).toEqual([
    1_000, 2_000, 4_000, 900_000, 900_000,
  ]);
  expect(retryDelay(5, 8 * DAY_MS)).toBeNull();
});

import { randomInt } from 'node:crypto';
import { ensureTopics, kafkaBus, type BusBatch, type BusDelivery, type BusMessage } from '@tollgate/bus';
import { waitUntil } from '@tollgate/infra';
import { Partitioners, type Message } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  begin,
  closeOpen,
  consume,
  FIRST,
  kafka,
  kafkaServer,
  message,
  open,
  publishUntilAccepted,
  rawKafka,
  shapes,
} from './bus-fixture.js';

afterEach(closeOpen);

const KEYS = ['organisation', 'ключ', '🔑', ''];
const FILL = ['x', 'é', '😀', '\u2028', '\\n', '"'];

/** 3,000 messages, long and short, as text and as bytes; a few are empty or have newlines. */
function mixture(): BusMessage[] {
  return Array.from({ length: 3_000 }, (_, n) => {
    const fill = FILL[n % FILL.length]!.repeat(n % 500 === 250 ? 40_000 : n % 50);
    const text = n % 700 === 600 ? '' : JSON.stringify({ n, fill }, null, n % 300 === 100 ? 2 : 0);
    return { key: KEYS[n % KEYS.length]!, value: n % 2 === 0 ? text : Buffer.from(text) };
  });
}

/** The distinct values of a key, in the order of first arrival: a retry of the publisher may duplicate messages. */
const valuesOf = (messages: readonly { key: string | null; value: string | Buffer }[], key: string) => [
  ...new Set(messages.filter((one) => one.key === key).map(({ value }) => value.toString())),
];
/** The delivered messages without redeliveries. */
const once = (batches: readonly BusBatch[]): BusDelivery[] => [
  ...new Map(
    batches.flatMap(({ partition, messages }) =>
      messages.map((one) => [`${partition} ${one.offset} ${one.part}`, one]),
    ),
  ).values(),
];
const numbersOf = (messages: readonly BusDelivery[]) => messages.map(({ value }) => JSON.parse(value).n as number);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe.each(shapes)('many messages in one publish, $shape', ({ trial }) => {
  it('come one by one, each as it was given, in the order of its key', async () => {
    const bus = begin(trial);
    const batches: BusBatch[] = [];
    await consume(bus.server(), async (batch) => {
      batches.push(batch);
    });
    const all = mixture();
    await bus.publisher.publish(FIRST, all);
    const come = (key: string) => valuesOf(once(batches), key);
    await waitUntil(() => KEYS.every((key) => come(key).length >= valuesOf(all, key).length), { what: 'all messages' });
    for (const key of KEYS) expect(come(key)).toEqual(valuesOf(all, key));
  });

  it('come again, the same and in order, when a handler fails on some of them', async () => {
    const bus = begin(trial);
    const failed: BusDelivery[][] = [];
    const handled: BusDelivery[] = [];
    await consume(bus.server(), async ({ messages }) => {
      if (failed.length < 2) {
        failed.push([...messages]);
        throw new Error('the database is away');
      }
      handled.push(...messages);
    });
    await publishUntilAccepted(
      bus.publisher,
      FIRST,
      upTo(450).map((n) => message('a', n)),
    );
    await waitUntil(() => numbersOf(handled).includes(449), { what: 'all messages' });
    expect([...new Set(numbersOf(handled))]).toEqual(upTo(450));
    for (const messages of failed) expect(numbersOf(messages)).toEqual(upTo(messages.length));
  });
});

describe('records, Kafka', () => {
  /** Publishes numbered messages in calls of these sizes, without duplicates; resolves with their number. */
  async function published(connection: ReturnType<typeof kafka>, sizes: readonly number[]): Promise<number> {
    const bus = kafkaBus({ ...connection, idempotent: true });
    let n = 0;
    for (const size of sizes)
      await bus.publisher.publish(
        FIRST,
        Array.from({ length: size }, () => message('a', n++)),
      );
    await bus.close();
    return n;
  }

  it('a batch never ends within a record', async () => {
    const connection = kafka();
    const count = await published(connection, [1, 3, 250, 1, 1, 40, 7, 199, 2, 500, 1]);
    for (const batchSize of [1, 10, 100]) {
      const batches: BusBatch[] = [];
      // Each server reads from the beginning, whatever the group has committed.
      const life = await consume(
        kafkaServer(connection, async () => new Map(), { batchSize }),
        async (batch) => {
          batches.push(batch);
        },
      );
      await waitUntil(() => once(batches).length >= count, { what: 'all messages' });
      expect(numbersOf(once(batches))).toEqual(upTo(count));
      const ends = batches.map(({ messages }) => messages.at(-1)!.offset);
      const begins = batches.map(({ messages }) => messages[0]!);
      expect(begins.every(({ part }) => part === 0)).toBe(true);
      expect(begins.slice(1).every(({ offset }, at) => offset > ends[at]!)).toBe(true);
      expect(Math.max(...batches.map(({ messages }) => messages.length))).toBeLessThan(batchSize + 200);
      await life.close();
    }
  });

  it('a consumer that dies anywhere resumes from its own offset: nothing is lost, nothing is applied twice', async () => {
    const seed = randomInt(2 ** 31);
    let state = seed;
    const chance = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const connection = kafka();
    const count = await published(
      connection,
      Array.from({ length: 60 }, () => 1 + chance(chance(4) === 0 ? 300 : 6)),
    );
    const applied: number[] = [];
    const next = new Map<number, bigint>();
    for (let life = 0; applied.length < count; life++) {
      // From the sixth life on nothing is killed, so that the test ends.
      let batches = life < 5 ? 1 + chance(4) : Infinity;
      let dead = false;
      const app = await consume(
        kafkaServer(connection, async () => new Map(next), { batchSize: 1 + chance(60) }),
        async ({ partition, messages }) => {
          batches -= 1;
          const [dies, beforeCommit] = [batches <= 0, chance(2) === 0];
          if (dead || (dies && beforeCommit)) {
            dead = true;
            throw new Error('killed before its commit');
          }
          // Stands for one transaction that writes the effects and the next offset.
          applied.push(...numbersOf(messages));
          next.set(partition, messages.at(-1)!.offset + 1n);
          if (dies) {
            dead = true;
            throw new Error('killed after its commit');
          }
        },
      );
      await waitUntil(() => dead || applied.length >= count, { what: `the end of life ${life}, seed ${seed}` });
      await app.close();
    }
    expect(applied, `seed ${seed}`).toEqual(upTo(count));
  });

  it('what others put into a topic is one message a record, also with newlines; what has no value is empty', async () => {
    const connection = kafka();
    await ensureTopics(connection, [FIRST]);
    const producer = rawKafka().producer({
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    open.push({ close: () => producer.disconnect() });
    const messages: Message[] = ['{\n  "n": 1\n}', '{"n":2}\n', '', null].map((value) => ({ key: 'a', value }));
    await producer.send({ topic: `${connection.topicPrefix}${FIRST}`, messages });
    const batches: BusBatch[] = [];
    await consume(kafkaServer(connection), async (batch) => {
      batches.push(batch);
    });
    await waitUntil(() => once(batches).length === 4, { what: 'four messages' });
    expect(once(batches)).toEqual(
      ['{\n  "n": 1\n}', '{"n":2}\n', '', ''].map((value, n) => ({ offset: BigInt(n), part: 0, key: 'a', value })),
    );
  });
});

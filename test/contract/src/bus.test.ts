import { ensureTopics, inProcessBus, kafkaBus, NO_LOG, type BusBatch } from '@tollgate/bus';
import { waitUntil } from '@tollgate/infra';
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
  SECOND,
  shapes,
} from './bus-fixture.js';

afterEach(closeOpen);

describe.each(shapes)('bus, $shape', ({ shape, trial }) => {
  it('hands batches of one topic and partition to the handler, with key, value and rising places', async () => {
    const bus = begin(trial);
    const batches: BusBatch[] = [];
    await consume(bus.server(), async (batch) => {
      batches.push(batch);
    });
    await bus.publisher.publish(FIRST, [message('a', 1), message('a', 2), message('a', 3)]);
    await bus.publisher.publish(SECOND, [message('a', 4)]);
    const seen = (topic: string) => batches.filter((batch) => batch.topic === topic).flatMap((batch) => batch.messages);
    await waitUntil(() => seen(FIRST).length === 3 && seen(SECOND).length === 1, { what: 'four messages' });
    expect(seen(FIRST).map(({ key, value }) => ({ key, value }))).toEqual([1, 2, 3].map((n) => message('a', n)));
    const places = seen(FIRST).map(({ offset, part }) => Number(offset) * 1_000 + part);
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    expect(batches.every((batch) => (shape === 'Kafka' ? batch.partition >= 0 : batch.partition === NO_LOG))).toBe(
      true,
    );
  });

  it('keeps the order of each key, over many messages and batches', async () => {
    const bus = begin(trial);
    // A message may come twice; a Set keeps the order of first arrival.
    const seen = new Map<string, Set<number>>();
    await consume(bus.server(), async (batch) => {
      for (const { key, value } of batch.messages)
        seen.set(key!, (seen.get(key!) ?? new Set()).add(JSON.parse(value).n));
    });
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (let n = 0; n < 300; n += 100) {
      await bus.publisher.publish(
        FIRST,
        Array.from({ length: 100 }, (_, i) => keys.map((key) => message(key, n + i))).flat(),
      );
    }
    await waitUntil(() => keys.every((key) => seen.get(key)?.size === 300), { what: '1,500 messages' });
    for (const key of keys) expect([...seen.get(key)!]).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  it('brings what a handler failed on again, in order, and nothing of it is lost', async () => {
    const bus = begin(trial);
    const handled: number[] = [];
    let failures = 0;
    await consume(bus.server(), async (batch) => {
      if (failures < 3) {
        failures += 1;
        throw new Error('the database is away');
      }
      handled.push(...batch.messages.map(({ value }) => JSON.parse(value).n));
    });
    for (let n = 0; n < 10; n++) await publishUntilAccepted(bus.publisher, FIRST, [message('a', n)]);
    await waitUntil(() => handled.includes(9), { what: 'the last message' });
    expect(failures).toBe(3);
    expect([...new Set(handled)]).toEqual(Array.from({ length: 10 }, (_, n) => n));
  });

  it('a topic whose handler always fails does not hold up another topic', async () => {
    const bus = begin(trial);
    const handled: string[] = [];
    let failures = 0;
    await consume(bus.server(), async (batch) => {
      if (batch.topic === FIRST) {
        failures += 1;
        throw new Error('never');
      }
      handled.push(...batch.messages.map(({ value }) => value));
    });
    await bus.publisher.publish(FIRST, [message('a', 1)]).catch(() => undefined);
    await bus.publisher.publish(SECOND, [message('a', 2)]);
    await waitUntil(() => handled.length === 1 && failures > 0, { what: 'the second topic' });
  });

  it('every handler of a topic gets each batch, and one that fails gets it again', async () => {
    const bus = begin(trial);
    let first = 0;
    let second = 0;
    await consume(
      bus.server(),
      async () => {
        first += 1;
      },
      async () => {
        second += 1;
        if (second === 1) throw new Error('once');
      },
    );
    await publishUntilAccepted(bus.publisher, FIRST, [message('a', 1)]);
    await waitUntil(() => second === 2, { what: 'the second try' });
    expect(first).toBe(2);
  });

  it('is drained when all that was published before has been handled, not sooner', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let handled = 0;
    await consume(server, async (batch) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      handled += batch.messages.length;
    });
    await server.drained(FIRST);
    const published = Promise.all(
      Array.from({ length: 20 }, (_, n) => bus.publisher.publish(FIRST, [message(`key ${n}`, n)])),
    );
    if (shape === 'Kafka') await published;
    await server.drained(FIRST);
    expect(handled).toBe(20);
    await published;
  });

  it('says how much waits to be handled: messages in process, records on Kafka', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await consume(server, () => held);
    await server.drained(FIRST);
    expect(await server.lag(FIRST)).toBe(0);
    const published = bus.publisher.publish(FIRST, [message('a', 1), message('a', 2), message('b', 3)]);
    await expect.poll(() => server.lag(FIRST), { timeout: 20_000 }).toBe(shape === 'Kafka' ? 2 : 3);
    goOn();
    await published;
    await server.drained(FIRST);
    expect(await server.lag(FIRST)).toBe(0);
  });

  it('says since when the oldest message waits, and nothing once all are handled', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await consume(server, () => held);
    await server.drained(FIRST);
    expect(await server.oldestUnhandledMs(FIRST)).toBeNull();
    const sinceMs = Date.now();
    const published = bus.publisher.publish(FIRST, [message('a', 1), message('b', 2)]);
    await expect.poll(() => server.oldestUnhandledMs(FIRST), { timeout: 20_000 }).not.toBeNull();
    // Kafka tells it to half a second.
    expect(await server.oldestUnhandledMs(FIRST)).toBeGreaterThan(sinceMs - 1_000);
    expect(await server.oldestUnhandledMs(FIRST)).toBeLessThanOrEqual(Date.now());
    goOn();
    await published;
    await server.drained(FIRST);
    await expect.poll(() => server.oldestUnhandledMs(FIRST), { timeout: 20_000 }).toBeNull();
  });

  it('finishes the batch at hand when it closes, and publishes nothing afterwards', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let finish = () => undefined as void;
    const mayFinish = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const steps: string[] = [];
    const app = await consume(server, async () => {
      steps.push('begun');
      await mayFinish;
      steps.push('handled');
    });
    const published = bus.publisher.publish(FIRST, [message('a', 1)]);
    await waitUntil(() => steps.includes('begun'), { what: 'the handler to begin' });
    const closed = app.close().then(() => steps.push('closed'));
    finish();
    await closed;
    await published;
    expect(steps).toEqual(['begun', 'handled', 'closed']);
    await bus.close();
    await expect(bus.publisher.publish(FIRST, [message('a', 2)])).rejects.toThrow(/closed/);
  });
});

describe('bus, in process', () => {
  it('acknowledges when the handler has committed, in batches of 100 at most, one at a time', async () => {
    const bus = inProcessBus();
    const sizes: number[] = [];
    let atOnce = 0;
    await consume(bus.server, async (batch) => {
      atOnce += 1;
      expect(atOnce).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      sizes.push(batch.messages.length);
      atOnce -= 1;
    });
    await Promise.all([
      bus.publisher.publish(
        FIRST,
        Array.from({ length: 250 }, (_, n) => message('a', n)),
      ),
      bus.publisher.publish(FIRST, [message('b', 1)]),
    ]);
    expect(sizes).toEqual([100, 100, 50, 1]);
  });

  it('refuses to publish before the handlers listen', async () => {
    await expect(inProcessBus().publisher.publish(FIRST, [message('a', 1)])).rejects.toThrow(/not listening yet/);
  });
});

describe('bus, Kafka', () => {
  const values = (batches: BusBatch[]) =>
    batches.flatMap((batch) => batch.messages).map(({ value }) => JSON.parse(value).n as number);
  const partitionOf = async (connection: ReturnType<typeof kafka>, n: number) => {
    const bus = kafkaBus(connection);
    for (let i = 0; i < n; i++) await bus.publisher.publish(FIRST, [message('a', i)]);
    await bus.close();
    const admin = rawKafka().admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    const topic = `${connection.topicPrefix}${FIRST}`;
    // A topic that was just made may change its leader, and the admin client does not ask again.
    const offsets = await waitUntil(() => admin.fetchTopicOffsets(topic), { what: 'the offsets of the topic' });
    const partition = offsets.find(({ high }) => high !== '0')!.partition;
    return { admin, topic, partition };
  };

  it('resumes where the consumer says, before or after what the group has committed', async () => {
    const connection = kafka();
    const { partition } = await partitionOf(connection, 10);
    const first: BusBatch[] = [];
    const life = await consume(
      kafkaServer(connection, async () => new Map([[partition, 4n]])),
      async (batch) => {
        first.push(batch);
      },
    );
    await waitUntil(() => values(first).includes(9), { what: 'the last message' });
    expect(values(first)).toEqual([4, 5, 6, 7, 8, 9]);
    await life.close();
    const second: BusBatch[] = [];
    await consume(
      kafkaServer(connection, async () => new Map([[partition, 2n]])),
      async (batch) => {
        second.push(batch);
      },
    );
    await waitUntil(() => values(second).includes(9), { what: 'the last message again' });
    expect(values(second)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([
    ['committed', 1],
    ['given up', 0],
  ] as const)('is drained behind a transaction that was %s, whose end no consumer gets', async (how, count) => {
    const connection = kafka();
    const handled = new Map<number, bigint>();
    const seen: string[] = [];
    const server = kafkaServer(connection, async () => handled);
    await consume(server, async ({ topic, partition, messages }) => {
      if (topic !== FIRST) return;
      seen.push(...messages.map(({ value }) => value));
      handled.set(partition, messages.at(-1)!.offset + 1n);
    });
    const { topicPrefix } = connection;
    const producer = rawKafka().producer({
      transactionalId: `${topicPrefix}producer`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    open.push({ close: () => producer.disconnect() });
    for (let time = 0; time < 2; time += 1) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: `${topicPrefix}${FIRST}`, messages: [message('a', time)] });
      await (how === 'committed' ? transaction.commit() : transaction.abort());
    }
    await server.drained(FIRST);
    expect([seen.length, await server.lag(FIRST), await server.oldestUnhandledMs(FIRST)]).toEqual([2 * count, 0, null]);
  });

  it('waits for the store of the offsets, and handles nothing before it has answered', async () => {
    const connection = kafka();
    const { partition } = await partitionOf(connection, 3);
    const batches: BusBatch[] = [];
    let asked = 0;
    const resume = async () => {
      asked += 1;
      if (asked < 3) throw new Error('the database is away');
      return new Map([[partition, 1n]]);
    };
    await consume(kafkaServer(connection, resume), async (batch) => {
      batches.push(batch);
    });
    await waitUntil(() => values(batches).includes(2), { what: 'the last message' });
    expect(values(batches)).toEqual([1, 2]);
  });

  it('an offset the partition does not hold any more, or not yet, resumes at the oldest message, never at the end', async () => {
    const connection = kafka();
    const { admin, topic, partition } = await partitionOf(connection, 10);
    const deleted = () =>
      admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '6' }] }).then(() => true);
    await waitUntil(deleted, { what: 'the first messages to be deleted' });
    for (const wanted of [3n, 1_000n]) {
      const batches: BusBatch[] = [];
      const life = await consume(
        kafkaServer(connection, async () => new Map([[partition, wanted]])),
        async (batch) => {
          batches.push(batch);
        },
      );
      await waitUntil(() => values(batches).includes(9), { what: 'the last message' });
      expect(values(batches)).toEqual([6, 7, 8, 9]);
      await life.close();
    }
  });

  it('members share the partitions, and one that leaves is replaced: every message is handled', async () => {
    const connection = kafka();
    const bus = kafkaBus(connection);
    open.push(bus);
    const seen = new Set<number>();
    const receive = async (batch: BusBatch) => {
      for (const n of values([batch])) seen.add(n);
    };
    const one = await consume(kafkaServer(connection), receive);
    await consume(kafkaServer(connection), receive);
    for (let n = 0; n < 60; n++) {
      await bus.publisher.publish(FIRST, [message(`key ${n}`, n)]);
      if (n === 30) await one.close();
    }
    await waitUntil(() => seen.size === 60, { what: 'all messages', timeoutMs: 60_000 });
  });

  it('makes its topics once, whoever comes first', async () => {
    const connection = kafka();
    await Promise.all([1, 2, 3].map(() => ensureTopics(connection, [FIRST, SECOND])));
    const bus = kafkaBus(connection);
    await bus.publisher.publish(FIRST, [message('a', 1)]);
    await bus.close();
  });

  it('a publish without a cluster is refused in bounded time', async () => {
    const bus = kafkaBus({ brokers: ['127.0.0.1:9'], clientId: 'contract' });
    const begun = performance.now();
    await expect(bus.publisher.publish(FIRST, [message('a', 1)])).rejects.toThrow();
    expect(performance.now() - begun).toBeLessThan(60_000);
    await bus.close();
  });
});

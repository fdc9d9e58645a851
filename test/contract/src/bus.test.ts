import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Controller, Inject, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ensureTopics, inProcessBus, kafkaBus, KafkaBatchServer, NO_LOG, type BatchServer, type BusBatch, type BusMessage, type BusPublisher, type ResumeOffsets } from '@tollgate/bus';
import { infraFromEnvironment, waitUntil } from '@tollgate/infra';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';

type Receive = (batch: BusBatch) => Promise<void>;
const FIRST = 'first.v1';
const SECOND = 'second.v1';

@Controller()
class Consumer {
  constructor(@Inject('receive') private readonly receive: Receive) {}
  @EventPattern(FIRST) first(@Payload() batch: BusBatch) { return this.receive(batch); }
  @EventPattern(SECOND) second(@Payload() batch: BusBatch) { return this.receive(batch); }
}
@Controller()
class OtherConsumer {
  constructor(@Inject('also receive') private readonly receive: Receive) {}
  @EventPattern(FIRST) async first(@Payload() batch: BusBatch) { await this.receive(batch); }
}
@Module({})
class Consumers {}

interface Trial {
  publisher: BusPublisher;
  server(options?: { resume?: ResumeOffsets }): BatchServer;
  close(): Promise<void>;
}

const kafka = () => ({ brokers: [infraFromEnvironment().kafkaBrokers], clientId: 'contract', topicPrefix: `${randomUUID()}.` });
const shapes: { shape: string; trial: () => Trial }[] = [
  { shape: 'in process', trial: () => { const bus = inProcessBus(); return { publisher: bus.publisher, server: () => bus.server, close: async () => undefined }; } },
  {
    shape: 'Kafka',
    trial: () => {
      const connection = kafka();
      const bus = kafkaBus(connection);
      return {
        publisher: bus.publisher, close: () => bus.close(),
        server: ({ resume } = {}) => new KafkaBatchServer({ ...connection, groupId: `${connection.topicPrefix}group`, ...(resume ? { resume } : {}) }),
      };
    },
  },
];

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
function begin(trial: () => Trial): Trial {
  const made = trial();
  open.push(made);
  return made;
}
async function consume(strategy: BatchServer, receive: Receive, alsoReceive: Receive = async () => undefined): Promise<INestMicroservice> {
  const module = {
    module: Consumers, controllers: [Consumer, OtherConsumer],
    providers: [{ provide: 'receive', useValue: receive }, { provide: 'also receive', useValue: alsoReceive }],
  };
  const app = await NestFactory.createMicroservice(module, { strategy, logger: false });
  open.push(app);
  await app.listen();
  return app;
}
const message = (key: string, n: number): BusMessage => ({ key, value: JSON.stringify({ key, n }) });
/** As a journal or an outbox does. */
async function publishUntilAccepted(publisher: BusPublisher, topic: string, messages: BusMessage[]): Promise<void> {
  await waitUntil(() => publisher.publish(topic, messages).then(() => true), { what: 'the bus to accept', timeoutMs: 20_000 });
}

describe.each(shapes)('bus, $shape', ({ shape, trial }) => {
  it('hands batches of one topic and partition to the handler, with key, value and rising offsets', async () => {
    const bus = begin(trial);
    const batches: BusBatch[] = [];
    await consume(bus.server(), async batch => { batches.push(batch); });
    await bus.publisher.publish(FIRST, [message('a', 1), message('a', 2), message('a', 3)]);
    await bus.publisher.publish(SECOND, [message('a', 4)]);
    const seen = (topic: string) => batches.filter(batch => batch.topic === topic).flatMap(batch => batch.messages);
    await waitUntil(() => seen(FIRST).length === 3 && seen(SECOND).length === 1, { what: 'four messages' });
    expect(seen(FIRST).map(({ key, value }) => ({ key, value }))).toEqual([1, 2, 3].map(n => message('a', n)));
    const offsets = seen(FIRST).map(({ offset }) => offset);
    expect(offsets).toEqual([...offsets].sort((a, b) => Number(a - b)));
    expect(new Set(offsets).size).toBe(3);
    expect(batches.every(batch => (shape === 'Kafka' ? batch.partition >= 0 : batch.partition === NO_LOG))).toBe(true);
  });

  it('keeps the order of each key, over many messages and batches', async () => {
    const bus = begin(trial);
    // Sets keep the order of the first arrival: a message may come twice.
    const seen = new Map<string, Set<number>>();
    await consume(bus.server(), async batch => {
      for (const { key, value } of batch.messages) seen.set(key!, (seen.get(key!) ?? new Set()).add(JSON.parse(value).n));
    });
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (let n = 0; n < 300; n += 100) {
      await bus.publisher.publish(FIRST, Array.from({ length: 100 }, (_, i) => keys.map(key => message(key, n + i))).flat());
    }
    await waitUntil(() => keys.every(key => seen.get(key)?.size === 300), { what: '1,500 messages' });
    for (const key of keys) expect([...seen.get(key)!]).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  it('brings what a handler failed on again, in order, and nothing of it is lost', async () => {
    const bus = begin(trial);
    const handled: number[] = [];
    let failures = 0;
    await consume(bus.server(), async batch => {
      if (failures < 3) { failures += 1; throw new Error('the database is away'); }
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
    await consume(bus.server(), async batch => {
      if (batch.topic === FIRST) { failures += 1; throw new Error('never'); }
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
    await consume(bus.server(), async () => { first += 1; }, async () => {
      second += 1;
      if (second === 1) throw new Error('once');
    });
    await publishUntilAccepted(bus.publisher, FIRST, [message('a', 1)]);
    await waitUntil(() => second === 2, { what: 'the second try' });
    expect(first).toBe(2);
  });

  it('is drained when all that was published before has been handled, not sooner', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let handled = 0;
    await consume(server, async batch => {
      await new Promise(resolve => setTimeout(resolve, 50));
      handled += batch.messages.length;
    });
    await server.drained(FIRST);
    const published = Promise.all(Array.from({ length: 20 }, (_, n) => bus.publisher.publish(FIRST, [message(`key ${n}`, n)])));
    if (shape === 'Kafka') await published;
    await server.drained(FIRST);
    expect(handled).toBe(20);
    await published;
  });

  it('says how many messages wait to be handled', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let goOn: () => void = () => undefined;
    const held = new Promise<void>(resolve => { goOn = resolve; });
    await consume(server, () => held);
    await server.drained(FIRST);
    expect(await server.lag(FIRST)).toBe(0);
    const published = bus.publisher.publish(FIRST, [message('a', 1), message('a', 2), message('b', 3)]);
    await expect.poll(() => server.lag(FIRST), { timeout: 10_000 }).toBe(3);
    goOn();
    await published;
    await server.drained(FIRST);
    expect(await server.lag(FIRST)).toBe(0);
  });

  it('finishes the batch at hand when it closes, and publishes nothing afterwards', async () => {
    const bus = begin(trial);
    const server = bus.server();
    let finish = () => undefined as void;
    const mayFinish = new Promise<void>(resolve => { finish = resolve; });
    const steps: string[] = [];
    const app = await consume(server, async () => { steps.push('begun'); await mayFinish; steps.push('handled'); });
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
    await consume(bus.server, async batch => {
      atOnce += 1;
      expect(atOnce).toBe(1);
      await new Promise(resolve => setImmediate(resolve));
      sizes.push(batch.messages.length);
      atOnce -= 1;
    });
    await Promise.all([
      bus.publisher.publish(FIRST, Array.from({ length: 250 }, (_, n) => message('a', n))),
      bus.publisher.publish(FIRST, [message('b', 1)]),
    ]);
    expect(sizes).toEqual([100, 100, 50, 1]);
  });

  it('refuses to publish before the handlers listen', async () => {
    await expect(inProcessBus().publisher.publish(FIRST, [message('a', 1)])).rejects.toThrow(/not listening yet/);
  });
});

describe('bus, Kafka', () => {
  const values = (batches: BusBatch[]) => batches.flatMap(batch => batch.messages).map(({ value }) => JSON.parse(value).n as number);
  const partitionOf = async (connection: ReturnType<typeof kafka>, n: number) => {
    const bus = kafkaBus(connection);
    for (let i = 0; i < n; i++) await bus.publisher.publish(FIRST, [message('a', i)]);
    await bus.close();
    const admin = new Kafka({ brokers: connection.brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    const topic = `${connection.topicPrefix}${FIRST}`;
    const partition = (await admin.fetchTopicOffsets(topic)).find(({ high }) => high !== '0')!.partition;
    return { admin, topic, partition };
  };
  const server = (connection: ReturnType<typeof kafka>, resume?: ResumeOffsets) =>
    new KafkaBatchServer({ ...connection, groupId: `${connection.topicPrefix}group`, ...(resume ? { resume } : {}) });

  it('resumes where the consumer says, before or after what the group has committed', async () => {
    const connection = kafka();
    const { partition } = await partitionOf(connection, 10);
    const first: BusBatch[] = [];
    const life = await consume(server(connection, async () => new Map([[partition, 4n]])), async batch => { first.push(batch); });
    await waitUntil(() => values(first).includes(9), { what: 'the last message' });
    expect(values(first)).toEqual([4, 5, 6, 7, 8, 9]);
    await life.close();
    const second: BusBatch[] = [];
    await consume(server(connection, async () => new Map([[partition, 2n]])), async batch => { second.push(batch); });
    await waitUntil(() => values(second).includes(9), { what: 'the last message again' });
    expect(values(second)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
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
    await consume(server(connection, resume), async batch => { batches.push(batch); });
    await waitUntil(() => values(batches).includes(2), { what: 'the last message' });
    expect(values(batches)).toEqual([1, 2]);
  });

  it('an offset the partition does not hold any more, or not yet, resumes at the oldest message, never at the end', async () => {
    const connection = kafka();
    const { admin, topic, partition } = await partitionOf(connection, 10);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '6' }] });
    for (const wanted of [3n, 1_000n]) {
      const batches: BusBatch[] = [];
      const life = await consume(server(connection, async () => new Map([[partition, wanted]])), async batch => { batches.push(batch); });
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
    const receive = async (batch: BusBatch) => { for (const n of values([batch])) seen.add(n); };
    const one = await consume(server(connection), receive);
    await consume(server(connection), receive);
    for (let n = 0; n < 60; n++) {
      await bus.publisher.publish(FIRST, [message(`key ${n}`, n)]);
      if (n === 30) await one.close();
    }
    await waitUntil(() => seen.size === 60, { what: 'all messages', timeoutMs: 20_000 });
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
    expect(performance.now() - begun).toBeLessThan(10_000);
    await bus.close();
  });
});

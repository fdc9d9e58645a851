import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BUS_SERVICES,
  BUS_TOPICS,
  ensureTopics,
  kafkaBus,
  KafkaBatchServer,
  makeKafkaUsers,
  prepareKafka,
  type BusService,
  type KafkaConnection,
} from '@tollgate/bus';
import * as contracts from '@tollgate/contracts';
import {
  grantKafka,
  kafkaOperator,
  kafkaUser,
  startKafka,
  waitUntil,
  type KafkaLogin,
  type KafkaServer,
} from '@tollgate/infra';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeOpen, consume, FIRST, message, open } from './bus-fixture.js';
import { READERS, WRITERS } from './bus-uses.js';

let server: KafkaServer;
const PREFIX = 'rights-';
const OTHER_PREFIX = 'others-';

beforeAll(async () => {
  server = await startKafka({ plainListener: true });
  await grantKafka(server.brokers, PREFIX);
  await grantKafka(server.brokers, OTHER_PREFIX);
});
afterEach(closeOpen);
afterAll(() => server.stop());

const { KEYS_CHANGED_V1, LEAKS_REPORTED_V1, NOTICES_V1, USAGE_RECORDED_V1, USAGE_RECORDED_V2 } = contracts;

/** What kafkajs has logged during an act: of a group that may not be joined its error says that it was not found. */
const logged: string[] = [];

const clientOf = (user: KafkaLogin | undefined, brokers = server.brokers): Kafka =>
  new Kafka({
    brokers: [brokers],
    clientId: 'rights',
    logLevel: logLevel.ERROR,
    logCreator: () => (entry) => {
      logged.push(String(entry.log['error'] ?? entry.log.message));
    },
    retry: { retries: 2, initialRetryTime: 50 },
    ...(user && { sasl: { mechanism: 'scram-sha-512', ...user } }),
  });
const connectionOf = (user: KafkaLogin | undefined, topicPrefix = PREFIX): KafkaConnection => ({
  brokers: [server.brokers],
  clientId: 'rights',
  topicPrefix,
  ...(user && { user }),
});

/** The type of the error that an act ends with, through what kafkajs wraps it in; null if it is done. */
async function refusal(act: () => Promise<unknown>): Promise<string | null> {
  logged.length = 0;
  try {
    await act();
    return null;
  } catch (error) {
    const isOfGroup =
      String(error).includes('coordinator') && logged.some((line) => /Group authorization failed/.test(line));
    return isOfGroup ? 'GROUP_AUTHORIZATION_FAILED' : (typeOf(error) ?? String(error));
  }
}
function typeOf(error: unknown): string | undefined {
  const { type, cause, errors, partitions } = error as {
    type?: string;
    cause?: unknown;
    errors?: unknown[];
    partitions?: { error?: unknown }[];
  };
  const inner = cause ?? errors?.[0] ?? partitions?.[0]?.error;
  return type ?? (inner ? typeOf(inner) : undefined);
}

/** The acts of one service, on connections that are kept for all of them. */
async function actsOf(service: BusService) {
  const kafka = clientOf(kafkaUser(service));
  const [admin, producer] = [
    kafka.admin(),
    kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false }),
  ];
  open.push({ close: () => Promise.all([admin.disconnect(), producer.disconnect()]) });
  await Promise.all([admin.connect(), producer.connect()]);
  return {
    admin,
    write: (topic: string) => refusal(() => producer.send({ topic, acks: -1, messages: [{ value: 'x' }] })),
    read: (topic: string, groupId: string) => refusal(() => readOne(kafka, topic, groupId)),
  };
}

/** Joins the group and waits for one record. */
async function readOne(kafka: Kafka, topic: string, groupId: string): Promise<void> {
  const consumer = kafka.consumer({ groupId, retry: { retries: 0, restartOnFailure: async () => false } });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer.run({ autoCommit: false, eachMessage: async () => resolve() }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}

describe('the rights of the services on Kafka', () => {
  it('are about every topic that has a contract, and no other', () => {
    const named = Object.entries(contracts).flatMap(([name, value]) =>
      /^[A-Z_]+_V\d+$/.test(name) && typeof value === 'string' ? [value] : [],
    );
    expect([...BUS_TOPICS]).toEqual(named.sort());
    expect(Object.keys(WRITERS).sort()).toEqual([...BUS_TOPICS]);
    expect(Object.keys(READERS).sort()).toEqual([...BUS_TOPICS]);
  });

  it.each(BUS_SERVICES)('let %s write the topics that are its own, and no other', async (service) => {
    const { write } = await actsOf(service);
    for (const topic of BUS_TOPICS)
      expect([topic, await write(`${PREFIX}${topic}`)]).toEqual([
        topic,
        WRITERS[topic]!.includes(service) ? null : 'TOPIC_AUTHORIZATION_FAILED',
      ]);
  });

  it.each(BUS_SERVICES)('let %s read the topics that it is told by, in its own group alone', async (service) => {
    const producer = clientOf(kafkaOperator).producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    open.push({ close: () => producer.disconnect() });
    const { read } = await actsOf(service);
    const joins = BUS_TOPICS.some((topic) => READERS[topic]!.includes(service));
    for (const topic of BUS_TOPICS) {
      await producer.send({ topic: `${PREFIX}${topic}`, acks: -1, messages: [{ value: 'x' }] });
      const may = READERS[topic]!.includes(service);
      const expected = may ? [null] : [joins ? /^TOPIC_AUTH/ : /^(TOPIC|GROUP)_AUTH/];
      const seen = await read(`${PREFIX}${topic}`, `${PREFIX}${service}`);
      if (may) expect([topic, seen]).toEqual([topic, ...expected]);
      else expect(seen, topic).toMatch(expected[0] as RegExp);
    }
    const mine = BUS_TOPICS.find((topic) => READERS[topic]!.includes(service));
    if (mine === undefined) return;
    for (const groupId of [
      `${PREFIX}another`,
      ...BUS_SERVICES.filter((each) => each !== service).map((each) => `${PREFIX}${each}`),
    ])
      expect([groupId, await read(`${PREFIX}${mine}`, groupId)]).toEqual([groupId, 'GROUP_AUTHORIZATION_FAILED']);
  });

  it.each(BUS_SERVICES)(
    'let %s neither make nor delete a topic, nor change rights, nor read those of others',
    async (service) => {
      const { admin } = await actsOf(service);
      const mine = `${PREFIX}${BUS_TOPICS.find((topic) => WRITERS[topic]!.includes(service))!}`;
      const acl = {
        resourceType: 2,
        resourceName: mine,
        resourcePatternType: 3,
        principal: `User:${service}`,
        host: '*',
        operation: 2,
        permissionType: 3,
      } as const;
      expect(await refusal(() => admin.createTopics({ topics: [{ topic: `${PREFIX}new` }] }))).toBe(
        'TOPIC_AUTHORIZATION_FAILED',
      );
      expect(await refusal(() => admin.deleteTopics({ topics: [mine] }))).toBe('TOPIC_AUTHORIZATION_FAILED');
      expect(
        await refusal(() => admin.deleteTopicRecords({ topic: mine, partitions: [{ partition: 0, offset: '-1' }] })),
      ).toBe('TOPIC_AUTHORIZATION_FAILED');
      expect(await refusal(() => admin.createAcls({ acl: [acl] }))).toMatch(/CLUSTER_AUTHORIZATION_FAILED/);
      expect(
        await refusal(() =>
          admin.alterConfigs({
            validateOnly: false,
            resources: [{ type: 2, name: mine, configEntries: [{ name: 'retention.ms', value: '1' }] }],
          }),
        ),
      ).toBe('TOPIC_AUTHORIZATION_FAILED');
      // Of another installation on the same cluster it sees nothing.
      expect(
        (await admin.listTopics()).filter((name) => !name.startsWith(PREFIX) && !name.startsWith(OTHER_PREFIX)),
      ).toEqual([]);
    },
  );
});

describe('a client without credentials', () => {
  it('is refused where services sign in', async () => {
    const admin = clientOf(undefined).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    expect(await refusal(() => admin.listTopics())).toMatch(/Closed connection|ILLEGAL_SASL/);
  });

  it('may do nothing at a listener that lets it in, unless the former release is being replaced', async () => {
    const producer = clientOf(undefined, server.plainBrokers).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
    });
    await producer.connect();
    open.push({ close: () => producer.disconnect() });
    const write = (topic: string) =>
      refusal(() => producer.send({ topic, acks: -1, messages: [{ key: 'a', value: '{}' }] }));
    const [usage, others] = [`${PREFIX}${USAGE_RECORDED_V2}`, `${OTHER_PREFIX}${USAGE_RECORDED_V2}`];
    expect(await write(usage)).toBe('TOPIC_AUTHORIZATION_FAILED');
    await grantKafka(server.brokers, PREFIX, { plainClients: true });
    await expect.poll(() => write(usage), { timeout: 20_000 }).toBeNull();
    expect(await write(others)).toBe('TOPIC_AUTHORIZATION_FAILED');
    const admin = clientOf(undefined, server.plainBrokers).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    expect(await refusal(() => admin.createTopics({ topics: [{ topic: `${PREFIX}new` }] }))).toBe(
      'TOPIC_AUTHORIZATION_FAILED',
    );
    await grantKafka(server.brokers, PREFIX);
    await expect.poll(() => write(usage), { timeout: 20_000 }).toBe('TOPIC_AUTHORIZATION_FAILED');
  });
});

const operator = () => ({
  brokers: [server.brokers],
  clientId: 'rights',
  user: { ...kafkaOperator, mechanism: 'PLAIN' as const },
});
const prepared = (topicPrefix: string, usageRetentionBytes?: number) =>
  prepareKafka({
    connection: operator(),
    topicPrefix,
    users: [],
    ...(usageRetentionBytes !== undefined && { usageRetentionBytes }),
  });

describe('the step that prepares a cluster', () => {
  const settings = async (topic: string) => {
    const admin = clientOf(kafkaOperator).admin();
    await admin.connect();
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: topic, configNames: ['retention.bytes', 'retention.ms', 'segment.bytes'] }],
      });
      return Object.fromEntries(
        resources[0]!.configEntries.map(({ configName, configValue }) => [configName, Number(configValue)]),
      );
    } finally {
      await admin.disconnect();
    }
  };

  it('can be run again: nothing is made twice, and what somebody has changed is as it must be', async () => {
    const prefix = `${randomUUID()}-`;
    const first = await prepared(prefix);
    expect(first.topicsMade).toHaveLength(BUS_TOPICS.length);
    expect(first.rightsGiven).toBeGreaterThan(BUS_TOPICS.length);
    expect(await prepared(prefix)).toEqual({ users: [], rightsGiven: 0, rightsTaken: 0, topicsMade: [] });
    const admin = clientOf(kafkaOperator).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    const [usage, leaks] = [`${prefix}${USAGE_RECORDED_V2}`, `${prefix}${LEAKS_REPORTED_V1}`];
    const acl = (principal: string, resourceName: string) =>
      ({
        principal,
        resourceName,
        resourceType: 2,
        resourcePatternType: 3,
        host: '*',
        operation: 4,
        permissionType: 3,
      }) as const;
    await admin.createAcls({ acl: [acl('User:gateway', leaks), acl('User:somebody', usage)] });
    await admin.deleteAcls({ filters: [acl('User:gateway', usage)] });
    await waitUntil(async () => (await prepared(prefix)).rightsGiven === 0, { what: 'the rights to be as before' });
    const { resources } = await admin.describeAcls({
      resourceType: 2,
      resourceName: usage,
      resourcePatternType: 3,
      operation: 4,
      permissionType: 3,
    });
    expect(resources.flatMap(({ acls }) => acls.map(({ principal }) => principal)).sort()).toEqual([
      'User:gateway',
      'User:somebody',
    ]);
    const producer = await actsOf('gateway');
    expect(await producer.write(leaks)).toBe('TOPIC_AUTHORIZATION_FAILED');
    expect(await producer.write(usage)).toBeNull();
  });

  it('sets how much is kept of each topic, on topics that were there as well, and keeps their records', async () => {
    const prefix = `${randomUUID()}-`;
    const bus = kafkaBus(connectionOf(kafkaOperator, prefix));
    open.push(bus);
    // Made by a service, as with a Kafka on which nobody signs in.
    await bus.publisher.publish(USAGE_RECORDED_V2, [message('a', 1)]);
    const name = `${prefix}${USAGE_RECORDED_V2}`;
    expect(await settings(name)).toEqual({
      'retention.bytes': 1024 ** 3,
      'retention.ms': 7 * 86_400_000,
      'segment.bytes': 1024 ** 3 / 8,
    });
    const { topicsMade } = await prepared(prefix, 60 * 1024 * 1024);
    expect(topicsMade).not.toContain(name);
    await expect
      .poll(() => settings(name), { timeout: 10_000 })
      .toEqual({
        'retention.bytes': 10 * 1024 ** 2,
        'retention.ms': 7 * 86_400_000,
        'segment.bytes': (10 * 1024 ** 2) / 8,
      });
    expect((await settings(`${prefix}${NOTICES_V1}`))['retention.bytes']).toBe(64 * 1024 ** 2);
    const admin = clientOf(kafkaOperator).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    const offsets = await admin.fetchTopicOffsets(name);
    expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBe(1);
  });
});

describe('what is kept of usage events', () => {
  it('is told by how much of it is not booked, which takes the rights of usage-billing', async () => {
    const prefix = `${randomUUID()}-`;
    await prepared(prefix, 60 * 1024 * 1024);
    const bus = kafkaBus(connectionOf(kafkaUser('gateway'), prefix));
    open.push(bus);
    const handled = new Map<number, bigint>();
    const options = { groupId: `${prefix}usage-billing`, resume: async () => handled };
    const server = new KafkaBatchServer({ ...connectionOf(kafkaUser('usage-billing'), prefix), ...options });
    open.push(server);
    const value = 'x'.repeat(400_000);
    for (let n = 0; n < 5; n += 1)
      await bus.publisher.publish(USAGE_RECORDED_V2, [
        { key: 'one', value: randomBytes(value.length).toString('hex') },
      ]);
    const used = await server.retentionUsed(USAGE_RECORDED_V2);
    // Some 4 MB of hexadecimal digits, half of which compression takes away, in a partition that may have 10 MiB.
    expect(used.bytes).toBeGreaterThan(0.15);
    expect(used.bytes).toBeLessThan(0.5);
    expect(used.time).toBeGreaterThanOrEqual(0);
    expect(used.time).toBeLessThan(0.001);
    expect(await server.retentionUsed(USAGE_RECORDED_V1)).toEqual({ bytes: 0, time: 0 });
    for (let partition = 0; partition < 6; partition += 1) handled.set(partition, 5n);
    expect(await server.retentionUsed(USAGE_RECORDED_V2)).toEqual({ bytes: 0, time: 0 });
    const stranger = new KafkaBatchServer({ ...connectionOf(kafkaUser('secret-scanning'), prefix), ...options });
    open.push(stranger);
    await expect(stranger.retentionUsed(USAGE_RECORDED_V2)).rejects.toThrow(
      /^Kafka does not allow User:secret-scanning the operation Describe/,
    );
  });
});

describe('a service without a right', () => {
  it('names itself, the operation and the topic, and makes no topic that it may not see', async () => {
    const missing = (operation: string, on: string) =>
      new RegExp(`^Kafka does not allow User:gateway the operation ${operation} on ${on.replaceAll('.', '\\.')}:`);
    const bus = kafkaBus(connectionOf(kafkaUser('gateway')));
    open.push(bus);
    await expect(bus.publisher.publish(LEAKS_REPORTED_V1, [message('a', 1)])).rejects.toThrow(
      missing('Describe', `topic ${PREFIX}${LEAKS_REPORTED_V1}`),
    );
    expect(bus.publishing).toBe(false);
    // One that it may see, and no more.
    await prepareReading('gateway', KEYS_CHANGED_V1);
    await expect(bus.publisher.publish(KEYS_CHANGED_V1, [message('a', 1)])).rejects.toThrow(
      missing('Write', `topic ${PREFIX}${KEYS_CHANGED_V1}`),
    );
    await bus.publisher.publish(USAGE_RECORDED_V2, [message('a', 1)]);
    expect(bus.publishing).toBe(true);
    await expect(ensureTopics(connectionOf(kafkaUser('gateway'), 'strangers-'), [USAGE_RECORDED_V2])).rejects.toThrow(
      missing('Describe', `topic strangers-${USAGE_RECORDED_V2}`),
    );
  });

  /** Gives a service the right to see a topic, until the cluster is prepared again. */
  async function prepareReading(service: BusService, topic: string): Promise<void> {
    const admin = clientOf(kafkaOperator).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect().then(() => grantKafka(server.brokers, PREFIX)) });
    await admin.createAcls({
      acl: [
        {
          principal: `User:${service}`,
          resourceName: `${PREFIX}${topic}`,
          resourceType: 2,
          resourcePatternType: 3,
          host: '*',
          operation: 8,
          permissionType: 3,
        },
      ],
    });
    const seen = clientOf(kafkaUser(service)).admin();
    await seen.connect();
    await waitUntil(async () => (await seen.listTopics()).includes(`${PREFIX}${topic}`), { what: 'the right' });
    await seen.disconnect();
  }

  it('consumes as soon as it is given its rights, and names what it lacks until then', async () => {
    const prefix = `${randomUUID()}-`;
    const connection = connectionOf(kafkaUser('secret-scanning'), prefix);
    const seen: string[] = [];
    const said: string[] = [];
    const consumer = new KafkaBatchServer({ ...connection, groupId: `${prefix}group` });
    const app = await consume(consumer, async ({ messages }) => {
      seen.push(...messages.map(({ value }) => value));
    });
    app.useLogger({ warn: (line: string) => said.push(line), error: () => undefined, log: () => undefined });
    await waitUntil(() => said.some((line) => line.includes(`Describe on topic ${prefix}${FIRST}`)), {
      what: 'the missing right to be named',
      timeoutMs: 60_000,
    });
    expect(consumer.consuming).toBe(false);
    const admin = clientOf(kafkaOperator).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    expect((await admin.listTopics()).filter((name) => name.startsWith(prefix))).toEqual([]);
    const bus = kafkaBus(connectionOf(kafkaOperator, prefix));
    open.push(bus);
    await bus.publisher.publish(FIRST, [message('a', 1)]);
    await ensureTopics(connectionOf(kafkaOperator, prefix), ['second.v1']);
    const right = (resourceType: 2 | 3, resourceName: string) =>
      ({
        principal: 'User:secret-scanning',
        resourceName,
        resourceType,
        resourcePatternType: 3,
        host: '*',
        operation: 3,
        permissionType: 3,
      }) as const;
    await admin.createAcls({ acl: [right(2, `${prefix}${FIRST}`), right(2, `${prefix}second.v1`)] });
    await waitUntil(
      () => said.some((line) => line.includes(`User:secret-scanning the operation Read on group ${prefix}group`)),
      {
        what: 'the group to be named',
        timeoutMs: 60_000,
      },
    );
    await admin.createAcls({ acl: [right(3, `${prefix}group`)] });
    await waitUntil(() => seen.length === 1, { what: 'the message', timeoutMs: 60_000 });
  });
});

describe('a service whose password Kafka does not accept', () => {
  it('says so in one sentence, tries again, and goes on when the password is right', async () => {
    const prefix = `${randomUUID()}-`;
    const user = { username: `user-${prefix}`, password: 'as, it = "is"\\ é' };
    const operator = connectionOf(kafkaOperator, prefix);
    await ensureTopics(operator, [FIRST, 'second.v1']);
    const admin = clientOf(kafkaOperator).admin();
    await admin.connect();
    open.push({ close: () => admin.disconnect() });
    const right = (resourceType: 2 | 3, resourceName: string, operation: 3 | 4) =>
      ({
        principal: `User:${user.username}`,
        resourceName,
        resourceType,
        resourcePatternType: 4,
        host: '*',
        operation,
        permissionType: 3,
      }) as const;
    await admin.createAcls({ acl: [right(2, prefix, 3), right(2, prefix, 4), right(3, prefix, 3)] });
    const said: string[] = [];
    const seen: string[] = [];
    const bus = kafkaBus(connectionOf(user, prefix));
    open.push(bus);
    const consumer = new KafkaBatchServer({ ...connectionOf(user, prefix), groupId: `${prefix}group` });
    const app = await consume(consumer, async ({ messages }) => {
      seen.push(...messages.map(({ value }) => value));
    });
    app.useLogger({
      warn: (line: string) => said.push(line),
      error: (line: string) => said.push(line),
      log: () => undefined,
    });
    const sentence = `Kafka does not accept ${user.username} with this password (KAFKA_USERNAME, KAFKA_PASSWORD)`;
    await expect(bus.publisher.publish(FIRST, [message('a', 1)])).rejects.toThrow(sentence);
    await expect(consumer.lag(FIRST)).rejects.toThrow(sentence);
    await waitUntil(() => said.length >= 2, { what: 'two attempts', timeoutMs: 60_000 });
    expect(said.filter((line) => !line.endsWith(sentence) || !line.includes('trying again in'))).toEqual([]);
    expect(JSON.stringify(said)).not.toContain(user.password);
    expect(consumer.consuming).toBe(false);
    const connection = { ...operator, user: { ...kafkaOperator, mechanism: 'PLAIN' as const } };
    await makeKafkaUsers(connection, [user]);
    await waitUntil(() => bus.publisher.publish(FIRST, [message('a', 2)]).then(() => true), { what: 'a publish' });
    await waitUntil(() => seen.length === 1, { what: 'the message', timeoutMs: 60_000 });
    expect(await consumer.lag(FIRST)).toBe(0);
  });

  it('goes on after Kafka has answered nothing for longer than signing in may take', async () => {
    const prefix = `${randomUUID()}-`;
    const connection = connectionOf(kafkaOperator, prefix);
    await ensureTopics(connection, [FIRST, 'second.v1']);
    const bus = kafkaBus(connection);
    open.push(bus);
    const seen: string[] = [];
    const consumer = new KafkaBatchServer({ ...connection, groupId: `${prefix}group` });
    await consume(consumer, async ({ messages }) => {
      seen.push(...messages.map(({ value }) => value));
    });
    await bus.publisher.publish(FIRST, [message('a', 1)]);
    await waitUntil(() => seen.length === 1, { what: 'the first message', timeoutMs: 60_000 });
    // A second publisher signs in while nothing is answered: that times out after 10 s.
    const late = kafkaBus(connection);
    open.push(late);
    server.pause();
    try {
      const attempts = [bus, late].map((each) =>
        each.publisher.publish(FIRST, [message('a', 2)]).catch(() => 'failed'),
      );
      await delay(15_000);
      await expect.poll(() => consumer.consuming).toBe(false);
      server.resume();
      await Promise.all(attempts);
    } finally {
      server.resume();
    }
    for (const each of [bus, late])
      await waitUntil(() => each.publisher.publish(FIRST, [message('b', 3)]).then(() => true), {
        what: 'a publish',
        timeoutMs: 60_000,
      });
    const last = JSON.stringify({ key: 'b', n: 3 });
    await waitUntil(() => seen.filter((value) => value === last).length >= 2, { what: 'both', timeoutMs: 60_000 });
  });
});

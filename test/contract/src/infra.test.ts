import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  createDatabase,
  infraFromEnvironment,
  isRunning,
  kafkaOperator,
  startKafka,
  startPostgres,
  startProcess,
  startRedis,
  waitUntil,
  type KafkaServer,
} from '@tollgate/infra';
import { Redis } from 'ioredis';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function redisCommand<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Sends one record, and reads the topic from its beginning until that record arrives. */
async function carryRecord(
  { brokers, secured }: Pick<KafkaServer, 'brokers' | 'secured'>,
  topic: string,
  value: string,
): Promise<void> {
  const kafka = new Kafka({
    brokers: brokers.split(','),
    clientId: 'infra-test',
    logLevel: logLevel.NOTHING,
    ...(secured && { sasl: { mechanism: 'scram-sha-512' as const, ...kafkaOperator } }),
  });
  const [admin, producer, consumer] = [
    kafka.admin(),
    kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner }),
    kafka.consumer({ groupId: `${topic}-${value}` }),
  ];
  try {
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ value }] });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const seen: string[] = [];
    await consumer.run({
      eachMessage: async ({ message }) => {
        seen.push(String(message.value));
      },
    });
    await waitUntil(() => seen.includes(value), { what: `the record ${value}` });
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect(), consumer.disconnect()]);
  }
}

describe('the servers all suites share', () => {
  it('answer', async () => {
    const infra = infraFromEnvironment();
    expect(await query(infra.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await redisCommand(infra.redisUrl, (redis) => redis.ping())).toBe('PONG');
    await carryRecord(
      { brokers: infra.kafkaBrokers, secured: infra.kafkaSecured },
      `infra-test-${process.pid}`,
      'hello',
    );
  });

  it('give each suite an empty database of its own', async () => {
    const infra = infraFromEnvironment();
    const [one, other] = await Promise.all([infra.createDatabase(), createDatabase(infra.databaseUrl)]);
    await query(one, 'CREATE TABLE mine (id int)');
    await expect(query(other, 'SELECT * FROM mine')).rejects.toThrow('does not exist');
  });

  it('are not found by the names that an app reads', () => {
    expect([process.env['DATABASE_URL'], process.env['REDIS_URL'], process.env['KAFKA_BROKERS']]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a PostgreSQL of one's own", () => {
  it('keeps what was committed through SIGKILL and restart', async () => {
    const postgres = await startPostgres();
    const database = await postgres.createDatabase();
    await query(database, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await postgres.kill();
    await expect(query(database, 'SELECT 1')).rejects.toThrow();
    await postgres.restart();
    expect(await query(database, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await postgres.stop();
  });
});

describe("a Redis of one's own", () => {
  it('is empty after SIGKILL and restart, on the same port', async () => {
    const redis = await startRedis();
    await redisCommand(redis.url, (client) => client.set('a', '1'));
    await redis.kill();
    await redis.restart();
    expect(await redisCommand(redis.url, (client) => client.dbsize())).toBe(0);
    await redis.stop();
  });

  it('evicts nothing and writes nothing to disk', async () => {
    const redis = await startRedis();
    const settings = await redisCommand(redis.url, (client) =>
      client.config('GET', 'maxmemory-policy', 'save', 'appendonly'),
    );
    expect(settings).toEqual(
      expect.arrayContaining(['maxmemory-policy', 'noeviction', 'save', '', 'appendonly', 'no']),
    );
    await redis.stop();
  });
});

describe("a Kafka of one's own", () => {
  it('keeps its records through SIGKILL and restart', async () => {
    const kafka = await startKafka();
    await carryRecord(kafka, 'kept', 'before');
    await kafka.kill();
    await kafka.restart();
    await carryRecord(kafka, 'kept', 'after');
    await kafka.stop();
  });
});

describe('the end of a test process', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('by %s takes its processes and folders with it', async (signal) => {
    const owner = await startProcess({
      name: 'owner',
      command: process.execPath,
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      args: [
        '--input-type=module',
        '-e',
        `
        import { startProcess, tempFolder } from '@tollgate/infra';
        const folder = tempFolder('tollgate-infra-test');
        const child = await startProcess({ name: 'child', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] });
        console.log('started', child.pid, folder);
        setInterval(() => {}, 1000);`,
      ],
    });
    const started = await waitUntil(() => /started (\d+) (\S+)/.exec(owner.output()), { what: 'the child to start' });
    const [child, folder] = [Number(started[1]), started[2]!];
    expect([isRunning(child), existsSync(folder)]).toEqual([true, true]);
    process.kill(owner.pid, signal);
    await waitUntil(() => !isRunning(child) && !existsSync(folder), { what: 'child and folder to be gone' });
  });
});

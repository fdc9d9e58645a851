import { Kafka, logLevel } from 'kafkajs';
import {
  freePort,
  kafkaOperator,
  startKafka,
  startPostgres,
  tempFolder,
  type KafkaServer,
  type PostgresServer,
} from '@tollgate/infra';
import { appScript, ManagedProcess, repository, startDistributed, type DistributedShape } from '@tollgate/journey';
import { CuttableProxy } from './cuttable-proxy.js';
import { fillableDisk, type FillableDisk } from './full-disk.js';
import { startAllAgain } from './stage.js';

/** Two gateways on servers of their own, each of which a test may kill. */
export interface ServerStage {
  readonly shape: DistributedShape;
  readonly postgres: PostgresServer;
  readonly kafka: KafkaServer;
  readonly redisOfGateway1: CuttableProxy;
  readonly redisOfKeyManagement: CuttableProxy;
  /** Where gateway 0 keeps its journal. */
  readonly diskOfGateway0: FillableDisk;
  /** Kafka forgets how far usage-billing has read, or is told that it has read all; it must not be running. */
  misplaceOffsets(how: 'deleted' | 'at the end'): Promise<void>;
  /** Starts another usage-billing beside the one of the shape, in the same group. */
  startSecondUsageBilling(): Promise<ManagedProcess>;
  /** Publishes a text among the usage events of the gateways. */
  publishUsage(value: string): Promise<void>;
  /** So that one fault that fails does not fail the next. */
  repair(): Promise<void>;
  stop(): Promise<void>;
}

const usageTopic = 'usage.recorded.v2';

export async function startServerStage(): Promise<ServerStage> {
  const [postgres, kafka, redisOfGateway1, redisOfKeyManagement] = await Promise.all([
    startPostgres(),
    startKafka(),
    CuttableProxy.start(),
    CuttableProxy.start(),
  ]);
  const journalFolder = tempFolder('tollgate-small-disk');
  const diskOfGateway0 = fillableDisk(journalFolder, () => shape.gateways[0]!.process.pid);
  let topicPrefix = '';
  let ofUsageBilling: Readonly<Record<string, string>> = {};
  const changes = (process: string, environment: Readonly<Record<string, string>>): Record<string, string> => {
    topicPrefix = environment['KAFKA_TOPIC_PREFIX']!;
    if (process === 'usage-billing') ofUsageBilling = environment;
    switch (process) {
      case 'gateway 0':
        return { TOLLGATE_DATA: journalFolder };
      case 'gateway 1':
        return { REDIS_URL: redisOfGateway1.towards(environment['REDIS_URL']!) };
      case 'key-management':
        return { REDIS_URL: redisOfKeyManagement.towards(environment['REDIS_URL']!) };
      default:
        return {};
    }
  };
  const shape: DistributedShape = await startDistributed({
    databaseUrl: await postgres.createDatabase(),
    kafka,
    environmentOf: (process, environment) => ({ ...environment, ...changes(process, environment) }),
  });
  return {
    shape,
    postgres,
    kafka,
    redisOfGateway1,
    redisOfKeyManagement,
    diskOfGateway0,
    misplaceOffsets: (how) => misplaceOffsets(kafka, `${topicPrefix}usage-billing`, `${topicPrefix}${usageTopic}`, how),
    startSecondUsageBilling: async () => {
      const [port, operationsPort] = [await freePort(), await freePort()];
      return ManagedProcess.start({
        name: 'second usage-billing',
        script: appScript('usage-billing'),
        cwd: repository,
        env: { ...ofUsageBilling, TOLLGATE_PORT: String(port), TOLLGATE_OPERATIONS_PORT: String(operationsPort) },
        readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
        readyWithinMs: 60_000,
      });
    },
    publishUsage: (value) => publishOne(kafka, `${topicPrefix}${usageTopic}`, value),
    repair: async () => {
      for (const proxy of [redisOfGateway1, redisOfKeyManagement]) proxy.set('open');
      diskOfGateway0.makeRoom();
      await Promise.all([postgres.restart(), kafka.restart(), shape.redis.restart()]);
      await startAllAgain(shape);
    },
    stop: async () => {
      await shape.stop();
      // An orderly end takes it seconds, for data that goes with it.
      await kafka.kill();
      diskOfGateway0.remove();
      await Promise.all([redisOfGateway1.stop(), redisOfKeyManagement.stop(), kafka.stop(), postgres.stop()]);
    },
  };
}

/** A client that may do everything. */
const rawKafka = ({ brokers, secured }: KafkaServer): Kafka =>
  new Kafka({
    clientId: 'fault',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    ...(secured && { sasl: { mechanism: 'plain' as const, ...kafkaOperator } }),
  });

async function publishOne(kafka: KafkaServer, topic: string, value: string): Promise<void> {
  const producer = rawKafka(kafka).producer();
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, messages: [{ key: 'default', value }] });
  } finally {
    await producer.disconnect();
  }
}

async function misplaceOffsets(
  kafka: KafkaServer,
  groupId: string,
  topic: string,
  how: 'deleted' | 'at the end',
): Promise<void> {
  const admin = rawKafka(kafka).admin();
  await admin.connect();
  try {
    if (how === 'deleted') await admin.deleteGroups([groupId]);
    else await admin.resetOffsets({ groupId, topic, earliest: false });
  } finally {
    await admin.disconnect();
  }
}

import { Kafka, logLevel } from 'kafkajs';
import { startKafka, startPostgres, tempFolder, type KafkaServer, type PostgresServer } from '@tollgate/infra';
import { startDistributed, type DistributedShape } from '@tollgate/journey';
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
  const changes = (process: string, environment: Readonly<Record<string, string>>): Record<string, string> => {
    topicPrefix = environment['KAFKA_TOPIC_PREFIX']!;
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
    kafkaBrokers: kafka.brokers,
    environmentOf: (process, environment) => ({ ...environment, ...changes(process, environment) }),
  });
  return {
    shape,
    postgres,
    kafka,
    redisOfGateway1,
    redisOfKeyManagement,
    diskOfGateway0,
    misplaceOffsets: (how) =>
      misplaceOffsets(kafka.brokers, `${topicPrefix}usage-billing`, `${topicPrefix}${usageTopic}`, how),
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

async function misplaceOffsets(
  brokers: string,
  groupId: string,
  topic: string,
  how: 'deleted' | 'at the end',
): Promise<void> {
  const admin = new Kafka({ clientId: 'fault', brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    if (how === 'deleted') await admin.deleteGroups([groupId]);
    else await admin.resetOffsets({ groupId, topic, earliest: false });
  } finally {
    await admin.disconnect();
  }
}

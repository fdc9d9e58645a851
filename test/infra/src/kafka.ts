import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { findProgram, runCommand } from './commands.js';
import { tempFolder } from './folders.js';
import { kafkaJars } from './kafka-jars.js';
import { freePort } from './ports.js';
import { startProcess } from './processes.js';
import {
  chooseInstallation,
  givenServer,
  startServer,
  untilGivenServerAnswers,
  type Installation,
  type ServerControls,
} from './server.js';

export interface KafkaServer extends ServerControls {
  /** `host:port`, several with commas between, as KAFKA_BROKERS takes it. */
  brokers: string;
}

/**
 * Apache Kafka, one KRaft node: at KAFKA_BROKERS where that is set, else in Docker, else Apache's own jars from
 * Maven on the Java that is here. Topics are not made by themselves.
 */
export async function startKafka(): Promise<KafkaServer> {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return givenKafka(given);
  const installation = await chooseInstallation(
    (port) => ({ name: 'Kafka', image: 'apache/kafka:4.3.0', innerPort: 9092, port, env: containerSettings(port) }),
    installedKafka,
  );
  const brokersAt = (port: number) => `127.0.0.1:${port}`;
  const server = await startServer({
    // Stopping takes the broker 1–2 s even when idle; its data is thrown away, so it is not given longer.
    name: 'Kafka',
    installation,
    answers: (port) => kafkaAnswers(brokersAt(port)),
    readyWithinMs: 60_000,
    stopGraceMs: 3_000,
  });
  return { ...server, brokers: brokersAt(server.port) };
}

async function givenKafka(brokers: string): Promise<KafkaServer> {
  await untilGivenServerAnswers('Kafka', 'KAFKA_BROKERS', () => kafkaAnswers(brokers));
  return { ...givenServer('Kafka', 'KAFKA_BROKERS'), brokers };
}

async function installedKafka(): Promise<Installation> {
  const java = findProgram('java');
  if (!java)
    throw new Error(
      'Java is missing, which Kafka needs. Install Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven), or start Docker, or set KAFKA_BROKERS.',
    );
  const classPath = join(await kafkaJars(), '*');
  const folder = tempFolder('tollgate-kafka');
  const settingsFile = join(folder, 'server.properties');
  const controllerPort = await freePort();
  let formatted = false;
  return {
    launch: async (port) => {
      writeFileSync(settingsFile, brokerSettings(port, controllerPort, join(folder, 'data')));
      if (!formatted) await format(java, classPath, settingsFile);
      formatted = true;
      return startProcess({
        name: 'Kafka',
        command: java,
        cwd: folder,
        args: ['-Xms256m', '-Xmx512m', ...quickStart, '-cp', classPath, 'kafka.Kafka', settingsFile],
      });
    },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A short life on few cores: no second compiler tier, no parallel collector. */
const quickStart = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

/** 16 bytes in base64url. A fixed one: a random one that begins with `-` is taken for an option. */
const clusterId = 'dG9sbGdhdGUtLXRlc3RzLg';

async function format(java: string, classPath: string, settingsFile: string): Promise<void> {
  const formatted = await runCommand(java, [
    ...quickStart,
    '-cp',
    classPath,
    'kafka.tools.StorageTool',
    'format',
    '--ignore-formatted',
    '-t',
    clusterId,
    '-c',
    settingsFile,
  ]);
  if (!formatted.ok)
    throw new Error(
      `formatting Kafka's data folder failed (Kafka 4 needs Java 17 or newer):\n${formatted.output.slice(-2_000)}`,
    );
}

/** Settings of one node that holds every replica, with the waits for other members taken out. */
const singleNode = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'num.partitions': '6',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
};

function brokerSettings(port: number, controllerPort: number, dataFolder: string): string {
  const settings = {
    ...singleNode,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': dataFolder,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The image takes `a.b.c` as KAFKA_A_B_C, and its own defaults only when none is given. */
function containerSettings(port: number): Record<string, string> {
  const settings = {
    ...singleNode,
    'controller.quorum.voters': '1@127.0.0.1:9093',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  };
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`KAFKA_${name.replaceAll('.', '_').toUpperCase()}`, value]),
  );
}

/**
 * A listening broker is not a ready one. Ready is: a topic made, one record through, and the coordinator of consumer
 * groups loaded, so that no test's first consumer waits for it.
 */
async function kafkaAnswers(brokers: string): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'tollgate-readiness',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: false });
  const topic = `tollgate-readiness-${randomBytes(4).toString('hex')}`;
  try {
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ value: 'ready' }] });
    const [offsets] = await admin.fetchTopicOffsets(topic);
    await admin.fetchOffsets({ groupId: topic, topics: [topic] });
    await admin.deleteTopics({ topics: [topic] });
    return offsets?.high === '1';
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  }
}

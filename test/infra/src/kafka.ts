import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { findProgram, runCommand } from './commands.js';
import { tempFolder } from './folders.js';
import { kafkaJars } from './kafka-jars.js';
import { kafkaOperator, makeKafkaUsers } from './kafka-users.js';
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
  /** Whether clients must sign in, and may do what they have a right to. Only a given Kafka may be without. */
  secured: boolean;
  /** A second listener at which nobody signs in, where one was asked for. */
  plainBrokers?: string;
}

export interface KafkaOptions {
  /** Whether clients must sign in; default true. Builds of before cannot: benches that compare with them take false. */
  secured?: boolean;
  /** Offers a listener without signing in beside the other, as during an upgrade from a release that could not. */
  plainListener?: boolean;
  /** Run here, without Docker, by other settings than the usual ones. */
  bySettings?: KafkaBySettings;
}

/** Another way to run Kafka. */
export interface KafkaBySettings {
  /** Settings of the broker beside the usual ones, or in their place; `port` is that of the services. */
  settings(port: number): Readonly<Record<string, string>>;
  /** Where the operator signs in. */
  operatorPort: number;
}

/**
 * Apache Kafka, one KRaft node: at KAFKA_BROKERS where that is set, else in Docker, else Apache's own jars from
 * Maven on the Java that is here. Topics are not made by themselves. Clients must sign in, the services each as itself
 * (`kafkaUser`), and `grantKafka` gives them their rights; a Kafka that is given is used as it is.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const { secured = true, plainListener = false, bySettings } = options;
  const given = process.env['KAFKA_BROKERS'];
  if (given && !plainListener && bySettings === undefined) return givenKafka(given);
  const plainPort = plainListener ? await freePort() : undefined;
  const kind = { secured, plainPort, ...(bySettings !== undefined && { settings: bySettings.settings }) };
  const container = (port: number) => ({
    name: 'Kafka',
    image: 'apache/kafka:4.3.0',
    innerPort: 9092,
    port,
    env: containerSettings(port, kind),
    ...(plainPort !== undefined && { alsoPublished: { innerPort: PLAIN_PORT_INSIDE, port: plainPort } }),
  });
  const native = () => installedKafka(kind);
  const installation = bySettings === undefined ? await chooseInstallation(container, native) : await native();
  const brokersAt = (port: number) => `127.0.0.1:${port}`;
  const server = await startServer({
    // Stopping takes the broker 1–2 s even when idle; its data is thrown away, so it is not given longer.
    name: 'Kafka',
    installation,
    answers: (port) => kafkaAnswers(brokersAt(bySettings?.operatorPort ?? port), secured),
    readyWithinMs: 60_000,
    stopGraceMs: 3_000,
  });
  const brokers = brokersAt(server.port);
  if (secured) await makeKafkaUsers(brokersAt(bySettings?.operatorPort ?? server.port));
  return {
    ...server,
    brokers,
    secured,
    ...(plainPort !== undefined && { plainBrokers: brokersAt(plainPort) }),
  };
}

async function givenKafka(brokers: string): Promise<KafkaServer> {
  await untilGivenServerAnswers('Kafka', 'KAFKA_BROKERS', () => kafkaAnswers(brokers, false));
  process.stderr.write('KAFKA_BROKERS is used without signing in: what each service may do there is not tried\n');
  return { ...givenServer('Kafka', 'KAFKA_BROKERS'), brokers, secured: false };
}

async function installedKafka(kind: Kind): Promise<Installation> {
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
      writeFileSync(settingsFile, brokerSettings(kind, { port, controllerPort, dataFolder: join(folder, 'data') }));
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

/** Inside a container. */
const PLAIN_PORT_INSIDE = 9095;

const plainLogin = (users: string) => `org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`;
const operatorLogin = `user_${kafkaOperator.username}="${kafkaOperator.password}"`;
const brokerLogin = `username="${kafkaOperator.username}" password="${kafkaOperator.password}" ${operatorLogin}`;

/** Settings of one node that holds every replica, with the waits for other members taken out. */
const singleNode = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'SERVICES',
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

/** Nobody signs in, as with the release before. */
const open = {
  ...singleNode,
  'listener.security.protocol.map': 'SERVICES:PLAINTEXT,CONTROLLER:PLAINTEXT',
};

/**
 * Everybody signs in. Where docker-compose.yml has a listener of its own for the operator, the operator comes here to
 * that of the services.
 */
const secured = {
  ...singleNode,
  'listener.security.protocol.map': 'SERVICES:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT,PLAIN:PLAINTEXT',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'sasl.mechanism.controller.protocol': 'PLAIN',
  'listener.name.services.sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
  'listener.name.services.scram-sha-512.sasl.jaas.config':
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  'listener.name.services.plain.sasl.jaas.config': plainLogin(brokerLogin),
  'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.controller.plain.sasl.jaas.config': plainLogin(brokerLogin),
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': `User:${kafkaOperator.username}`,
};

interface Kind {
  readonly secured: boolean;
  readonly plainPort: number | undefined;
  readonly settings?: KafkaBySettings['settings'];
}
interface Place {
  readonly port: number;
  readonly controllerPort: number;
  readonly dataFolder: string;
}

function brokerSettings(kind: Kind, { port, controllerPort, dataFolder }: Place): string {
  const plain = kind.plainPort === undefined ? '' : `,PLAIN://127.0.0.1:${kind.plainPort}`;
  const settings = {
    ...(kind.secured ? secured : open),
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `SERVICES://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${plain}`,
    'advertised.listeners': `SERVICES://127.0.0.1:${port}${plain}`,
    'log.dirs': dataFolder,
    ...kind.settings?.(port),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The image takes `a.b-c` as KAFKA_A_B___C, and its own defaults only when none is given. */
function containerSettings(port: number, kind: Kind): Record<string, string> {
  const { plainPort } = kind;
  const settings = {
    ...(kind.secured ? secured : open),
    'controller.quorum.voters': '1@127.0.0.1:9093',
    listeners: `SERVICES://:9092,CONTROLLER://127.0.0.1:9093${plainPort === undefined ? '' : `,PLAIN://:${PLAIN_PORT_INSIDE}`}`,
    'advertised.listeners': `SERVICES://127.0.0.1:${port}${plainPort === undefined ? '' : `,PLAIN://127.0.0.1:${plainPort}`}`,
  };
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      `KAFKA_${name.replaceAll('-', '___').replaceAll('.', '_').toUpperCase()}`,
      value,
    ]),
  );
}

/**
 * A listening broker is not a ready one. Ready is: a topic made, one record through, and the coordinator of consumer
 * groups loaded, so that no test's first consumer waits for it.
 */
async function kafkaAnswers(brokers: string, secured: boolean): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'tollgate-readiness',
    brokers: brokers.split(','),
    ...(secured && { sasl: { mechanism: 'plain' as const, ...kafkaOperator } }),
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

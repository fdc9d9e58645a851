import { randomBytes } from 'node:crypto';
import {
  AclOperations,
  AclPermissionTypes,
  addOffsetsToTxnV3,
  alterClientQuotasV1,
  alterConfigsV2,
  alterPartitionReassignmentsV0,
  alterReplicaLogDirsV2,
  alterUserScramCredentialsV0,
  ConfigResourceTypes,
  Connection,
  consumerGroupHeartbeatV0,
  createAclsV3,
  createAPI,
  createPartitionsV3,
  deleteAclsV3,
  deleteGroupsV2,
  deleteRecordsV2,
  deleteTopicsV6,
  describeAclsV3,
  describeClientQuotasV0,
  describeConfigsV4,
  describeGroupsV5,
  describeLogDirsV4,
  describeUserScramCredentialsV0,
  endTxnV3,
  fetchV12,
  incrementalAlterConfigsV1,
  initProducerIdV4,
  joinGroupV9,
  leaveGroupV5,
  listGroupsV5,
  listOffsetsV8,
  metadataV12,
  offsetCommitV8,
  offsetDeleteV0,
  offsetFetchV8,
  ResourcePatternTypes,
  ResourceTypes,
  ScramMechanisms,
  syncGroupV5,
  txnOffsetCommitV3,
  unregisterBrokerV0,
  updateFeaturesV1,
  Writer,
} from '@platformatic/kafka';
import { BUS_SERVICES, BUS_TOPICS, type BusService } from '@tollgate/bus';
import { USAGE_RECORDED_V1, USAGE_RECORDED_V2 } from '@tollgate/contracts';
import { grantKafka, kafkaOperator, kafkaUser, startKafka, type KafkaLogin, type KafkaServer } from '@tollgate/infra';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READERS, WRITERS } from './bus-uses.js';

/*
 * A client of a library looks for the topic or the coordinator of the group first, and gives up when it may not see it.
 * Somebody who has a service's password sends what he likes: here each request goes to the broker as it is.
 */

const PREFIX = 'refused-';
/** On the same cluster, and of no installation. */
const FOREIGN_TOPIC = 'somebody-elses';
const FOREIGN_GROUP = 'somebody-elses';
const TOPICS = [...BUS_TOPICS.map((topic) => `${PREFIX}${topic}`), FOREIGN_TOPIC];
const GROUPS = [...BUS_SERVICES.map((service) => `${PREFIX}${service}`), FOREIGN_GROUP];
const BROKER = '1';
const USER = 'somebody';

let server: KafkaServer;
let operator: Connection;
const connections: Connection[] = [];

beforeAll(async () => {
  server = await startKafka({ plainListener: true });
  await grantKafka(server.brokers, PREFIX);
  operator = await connect(kafkaOperator);
  const kafka = new Kafka({
    brokers: [server.brokers],
    logLevel: logLevel.NOTHING,
    sasl: { mechanism: 'scram-sha-512', ...kafkaOperator },
  });
  const [admin, producer] = [
    kafka.admin(),
    kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false }),
  ];
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: FOREIGN_TOPIC }] });
  await producer.sendBatch({
    acks: -1,
    topicMessages: TOPICS.map((topic) => ({ topic, messages: [{ value: 'x', partition: 0 }] })),
  });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  for (const group of GROUPS) await commit(operator, group, 1n);
});
afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await server?.stop();
});

async function connect(user: KafkaLogin | undefined, brokers = server.brokers): Promise<Connection> {
  const connection = new Connection('refused', user && { sasl: { mechanism: 'SCRAM-SHA-512', ...user } });
  connections.push(connection);
  const [host, port] = brokers.split(':');
  await connection.connect(host!, Number(port));
  return connection;
}

/** Who asks, and what he may do. */
interface Asker {
  readonly name: string;
  readonly reads: (topic: string) => boolean;
  readonly writes: (topic: string) => boolean;
  readonly groups: readonly string[];
  readonly measures: boolean;
  readonly describesCluster: boolean;
}
const isOf = (uses: typeof READERS, topic: string, services: readonly BusService[]): boolean =>
  services.some((service) => uses[topic.slice(PREFIX.length)]?.includes(service));
const askerOf = (name: string, services: readonly BusService[], describesCluster: boolean): Asker => ({
  name,
  reads: (topic) => isOf(READERS, topic, services),
  writes: (topic) => isOf(WRITERS, topic, services),
  groups: services.filter((service) => service !== 'gateway').map((service) => `${PREFIX}${service}`),
  measures: services.includes('usage-billing'),
  describesCluster,
});

type Act<Target> = readonly [
  act: string,
  refusal: `${'TOPIC' | 'GROUP' | 'CLUSTER' | 'TRANSACTIONAL_ID'}_AUTHORIZATION_FAILED`,
  send: (connection: Connection, target: Target) => Promise<unknown>,
  may?: (asker: Asker, target: Target) => boolean,
];

const set = (resourceType: 2 | 4 | 16 | 32, resourceName: string, name: string, value: string) => ({
  resourceType,
  resourceName,
  configs: [{ name, value, configOperation: 0 as const }],
});
const commit = (connection: Connection, group: string, committedOffset: bigint) =>
  offsetCommitV8.api.async(connection, group, -1, '', null, [
    {
      name: TOPICS[0]!,
      partitions: [{ partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata: null }],
    },
  ]);
const { TOPIC, BROKER: OF_BROKER, CLIENT_METRICS, GROUP } = ConfigResourceTypes;

const ON_TOPICS: readonly Act<string>[] = [
  [
    'delete its records',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, name) => deleteRecordsV2.api.async(to, [{ name, partitions: [{ partitionIndex: 0, offset: -1n }] }], 5_000),
  ],
  ['delete it', 'TOPIC_AUTHORIZATION_FAILED', (to, name) => deleteTopicsV6.api.async(to, [{ name }], 5_000)],
  [
    'change its settings',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, name) => alterConfigsV2.api.async(to, [set(TOPIC, name, 'retention.ms', '1')], false),
  ],
  [
    'change one of its settings',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, name) => incrementalAlterConfigsV1.api.async(to, [set(TOPIC, name, 'retention.bytes', '1')], false),
  ],
  [
    'give it more partitions',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, name) => createPartitionsV3.api.async(to, [{ name, count: 12, assignments: null }], 5_000, false),
  ],
  [
    'read it without a group',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, name) => fetchV12.api.async(to, ...fetchOf(name)),
    ({ reads }, name) => reads(name),
  ],
  ['copy it as a broker does', 'TOPIC_AUTHORIZATION_FAILED', (to, name) => fetchAsBroker.async(to, ...fetchOf(name))],
  [
    'see how much it has',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, name) => listOffsetsV8.api.async(to, -1, 0, [offsetsOf(name, -1n)]),
    ({ reads, writes }, name) => reads(name) || writes(name),
  ],
  [
    'see its settings',
    'TOPIC_AUTHORIZATION_FAILED',
    (to, resourceName) => describeConfigsV4.api.async(to, [{ resourceType: TOPIC, resourceName }]),
    ({ measures }, name) => measures && [USAGE_RECORDED_V1, USAGE_RECORDED_V2].some((usage) => name === PREFIX + usage),
  ],
];
const fetchOf = (topicId: string): fetchV12.FetchRequest => {
  const partition = {
    partition: 0,
    currentLeaderEpoch: -1,
    fetchOffset: 0n,
    lastFetchedEpoch: -1,
    partitionMaxBytes: 1_000_000,
  };
  return [0, 0, 1_000_000, 0, 0, -1, [{ topicId, partitions: [partition] }], [], ''];
};
/** A client says -1 at the beginning, where a broker that copies a topic says its number. */
const fetchAsBroker = createAPI<fetchV12.FetchRequest, fetchV12.FetchResponse>(
  fetchV12.api.key,
  fetchV12.api.version,
  (...request: fetchV12.FetchRequest) =>
    Writer.create()
      .appendInt32(Number(BROKER))
      .append(fetchV12.createRequest(...request).buffer.subarray(4)),
  fetchV12.parseResponse,
);
const offsetsOf = (name: string, timestamp: bigint) => ({
  name,
  partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }],
});

/** Of one's own group only what no service does. */
const ON_EVERY_GROUP: readonly Act<string>[] = [
  ['delete it', 'GROUP_AUTHORIZATION_FAILED', (to, group) => deleteGroupsV2.api.async(to, [group])],
  [
    'delete its offsets',
    'GROUP_AUTHORIZATION_FAILED',
    (to, group) => offsetDeleteV0.api.async(to, group, [{ name: TOPICS[0]!, partitions: [{ partitionIndex: 0 }] }]),
  ],
  [
    'change its settings',
    'GROUP_AUTHORIZATION_FAILED',
    (to, group) =>
      incrementalAlterConfigsV1.api.async(to, [set(GROUP, group, 'consumer.session.timeout.ms', '50000')], false),
  ],
];
const ON_OTHER_GROUPS: readonly Act<string>[] = [
  [
    'join it',
    'GROUP_AUTHORIZATION_FAILED',
    (to, group) => {
      const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }];
      return joinGroupV9.api.async(to, group, 10_000, 10_000, '', null, 'consumer', protocols);
    },
  ],
  [
    'join it by the protocol of Kafka 4',
    'GROUP_AUTHORIZATION_FAILED',
    (to, group) =>
      consumerGroupHeartbeatV0.api.async(to, group, 'm', 0, null, null, 10_000, [TOPICS[0]!], null, null, []),
  ],
  [
    'take its partitions',
    'GROUP_AUTHORIZATION_FAILED',
    (to, group) => syncGroupV5.api.async(to, group, 1, 'm', null, 'consumer', 'range', []),
  ],
  [
    'make a member leave it',
    'GROUP_AUTHORIZATION_FAILED',
    (to, group) => leaveGroupV5.api.async(to, group, [{ memberId: 'm', groupInstanceId: null, reason: null }]),
  ],
  ['commit its offsets', 'GROUP_AUTHORIZATION_FAILED', (to, group) => commit(to, group, 0n)],
  [
    'see its offsets',
    'GROUP_AUTHORIZATION_FAILED',
    (to, groupId) => offsetFetchV8.api.async(to, [{ groupId, memberEpoch: -1, topics: null }], false),
  ],
  ['see its members', 'GROUP_AUTHORIZATION_FAILED', (to, group) => describeGroupsV5.api.async(to, [group], false)],
];

const acl = (principal: string) => ({
  resourceType: ResourceTypes.TOPIC,
  resourceName: TOPICS[0]!,
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal,
  host: '*',
  operation: AclOperations.ALL,
  permissionType: AclPermissionTypes.ALLOW,
});
const allAcls = {
  resourceType: ResourceTypes.ANY,
  resourceName: null,
  resourcePatternType: ResourcePatternTypes.ANY,
  principal: null,
  host: null,
  operation: AclOperations.ANY,
  permissionType: AclPermissionTypes.ANY,
};
const password = (name: string) => ({
  name,
  mechanism: ScramMechanisms.SCRAM_SHA_512,
  iterations: 8_192,
  salt: randomBytes(24),
  saltedPassword: randomBytes(64),
});
/** Whom a request is about: every service, oneself too, and nobody yet. */
const ON_USERS: readonly Act<string>[] = [
  [
    'give it a password',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to, user) => alterUserScramCredentialsV0.api.async(to, [], [password(user)]),
  ],
  [
    'take its password',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to, name) => alterUserScramCredentialsV0.api.async(to, [{ name, mechanism: ScramMechanisms.SCRAM_SHA_512 }], []),
  ],
  ['give it rights', 'CLUSTER_AUTHORIZATION_FAILED', (to, user) => createAclsV3.api.async(to, [acl(`User:${user}`)])],
  [
    'take its rights',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to, user) => deleteAclsV3.api.async(to, [{ ...allAcls, principal: `User:${user}` }]),
  ],
  [
    'slow it down',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to, entityName) =>
      alterClientQuotasV1.api.async(
        to,
        [
          {
            entities: [{ entityType: 'user', entityName }],
            ops: [{ key: 'producer_byte_rate', value: 1, remove: false }],
          },
        ],
        false,
      ),
  ],
  // A transaction goes by a name, and a service's own is as good as any.
  [
    'begin its transaction',
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    (to, user) => initProducerIdV4.api.async(to, user, 10_000, -1n, -1),
  ],
  [
    'take part in its transaction',
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    (to, user) => addOffsetsToTxnV3.api.async(to, user, 1n, 0, GROUPS[0]!),
  ],
  [
    'commit offsets in its transaction',
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    (to, user) =>
      txnOffsetCommitV3.api.async(to, user, GROUPS[0]!, 1n, 0, -1, '', null, [
        { name: TOPICS[0]!, partitions: [{ partitionIndex: 0, committedOffset: 0n, committedLeaderEpoch: -1 }] },
      ]),
  ],
  [
    'end its transaction',
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    (to, user) => endTxnV3.api.async(to, user, 1n, 0, false),
  ],
];

/** Who may see how large topics are on disk may see these as well: Kafka has one right for all. None is a secret. */
const seesCluster = ({ describesCluster }: Asker): boolean => describesCluster;
const ON_THE_CLUSTER: readonly Act<undefined>[] = [
  ['see the rights of all', 'CLUSTER_AUTHORIZATION_FAILED', (to) => describeAclsV3.api.async(to, allAcls), seesCluster],
  [
    'see the users',
    'CLUSTER_AUTHORIZATION_FAILED',
    // By name: the broker leaves a refused request for all of them without an answer.
    (to) =>
      describeUserScramCredentialsV0.api.async(
        to,
        BUS_SERVICES.map((name) => ({ name })),
      ),
    seesCluster,
  ],
  ['see the disks', 'CLUSTER_AUTHORIZATION_FAILED', (to) => describeLogDirsV4.api.async(to, null), seesCluster],
  ['see the quotas', 'CLUSTER_AUTHORIZATION_FAILED', (to) => describeClientQuotasV0.api.async(to, [], false)],
  [
    'see the settings of a broker',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) => describeConfigsV4.api.async(to, [{ resourceType: OF_BROKER, resourceName: BROKER }]),
  ],
  [
    'change the settings of a broker',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) => alterConfigsV2.api.async(to, [set(OF_BROKER, BROKER, 'message.max.bytes', '1')], false),
  ],
  [
    'change the settings of all brokers',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) => incrementalAlterConfigsV1.api.async(to, [set(OF_BROKER, '', 'message.max.bytes', '1')], false),
  ],
  [
    'ask clients for metrics',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) => incrementalAlterConfigsV1.api.async(to, [set(CLIENT_METRICS, 'all', 'interval.ms', '1000')], false),
  ],
  [
    'move partitions to another broker',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) =>
      alterPartitionReassignmentsV0.api.async(to, 5_000, false, [
        { name: TOPICS[0]!, partitions: [{ partitionIndex: 0, replicas: [1] }] },
      ]),
  ],
  [
    'move partitions to another disk',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) => alterReplicaLogDirsV2.api.async(to, [{ path: '/tmp', topics: [{ name: TOPICS[0]!, partitions: [0] }] }]),
  ],
  [
    'change what the cluster is capable of',
    'CLUSTER_AUTHORIZATION_FAILED',
    (to) =>
      updateFeaturesV1.api.async(to, 5_000, [{ feature: 'group.version', maxVersionLevel: 0, upgradeType: 2 }], false),
  ],
  ['remove a broker', 'CLUSTER_AUTHORIZATION_FAILED', (to) => unregisterBrokerV0.api.async(to, 99)],
  [
    'make a topic by asking for it',
    'TOPIC_AUTHORIZATION_FAILED',
    (to) => metadataV12.api.async(to, [`${PREFIX}made.v1`], true, false),
  ],
];

const ALLOWED = 'allowed';
/** What the broker answers: the names of its errors. */
async function answerTo(send: () => Promise<unknown>): Promise<string> {
  try {
    await send();
    return ALLOWED;
  } catch (error) {
    return [...new Set(namesOf(error))].sort().join(' ');
  }
}
const namesOf = (error: unknown): string[] =>
  error instanceof AggregateError
    ? error.errors.flatMap(namesOf)
    : [String((error as { apiId?: string }).apiId ?? error)];

/** Sends each request about each target, and says which were answered otherwise than they must be. */
async function wrongAnswers<Target>(
  asker: Asker,
  connection: Connection,
  acts: readonly Act<Target>[],
  targets: readonly Target[],
): Promise<readonly (readonly [string, Target, string])[]> {
  const wrong: (readonly [string, Target, string])[] = [];
  for (const target of targets)
    for (const [act, refusal, send, may] of acts) {
      const answer = await answerTo(() => send(connection, target));
      if (answer !== (may?.(asker, target) ? ALLOWED : refusal)) wrong.push([act, target, answer]);
    }
  return wrong;
}

/** All that the requests are after, as the operator sees it. */
async function clusterState() {
  const [broker, all] = [
    { resourceType: OF_BROKER, resourceName: BROKER },
    { resourceType: OF_BROKER, resourceName: '' },
  ];
  const [topics, first, last, settings, offsets, groups, acls, users, quotas, found] = await Promise.all([
    metadataV12.api.async(operator, null, false, false),
    listOffsetsV8.api.async(
      operator,
      -1,
      0,
      TOPICS.map((name) => offsetsOf(name, -2n)),
    ),
    listOffsetsV8.api.async(
      operator,
      -1,
      0,
      TOPICS.map((name) => offsetsOf(name, -1n)),
    ),
    describeConfigsV4.api.async(operator, [
      ...TOPICS.map((resourceName) => ({ resourceType: TOPIC, resourceName })),
      ...GROUPS.map((resourceName) => ({ resourceType: GROUP, resourceName })),
      broker,
      all,
    ]),
    offsetFetchV8.api.async(
      operator,
      GROUPS.map((groupId) => ({ groupId, memberEpoch: -1, topics: null })),
      false,
    ),
    describeGroupsV5.api.async(operator, GROUPS, false),
    describeAclsV3.api.async(operator, allAcls),
    describeUserScramCredentialsV0.api.async(operator, null),
    describeClientQuotasV0.api.async(operator, [], false),
    describeLogDirsV4.api.async(operator, null),
  ]);
  const sorted = (lines: readonly string[]) => [...lines].sort();
  return {
    topics: sorted(topics.topics.map(({ name, partitions }) => `${name} ${partitions.length}`)),
    records: sorted(
      [first, last].flatMap((of) =>
        of.topics.map(({ name, partitions }) => `${name} ${partitions.map(({ offset }) => offset).join()}`),
      ),
    ),
    settings: settings.results.map(({ resourceName, configs }) => [
      resourceName,
      configs.map(({ name, value }) => `${name}=${value}`),
    ]),
    offsets: offsets.groups.map(({ groupId, topics: of }) => [
      groupId,
      of.map(({ name, partitions }) => `${name} ${partitions.map(({ committedOffset }) => committedOffset).join()}`),
    ]),
    groups: groups.groups.map(({ groupId, groupState, members }) => `${groupId} ${groupState} ${members.length}`),
    rights: sorted(acls.resources.map((each) => JSON.stringify(each))),
    users: sorted(users.results.map((each) => JSON.stringify(each))),
    quotas: quotas.entries?.length ?? 0,
    disks: found.results.map(({ logDir }) => logDir),
  };
}

/** Asks for everything, and expects that what is not the asker's is refused, and all as it was. */
async function askForAll(asker: Asker, connection: Connection): Promise<void> {
  const before = await clusterState();
  expect(before.records.filter((line) => / [01]$/.test(line))).toHaveLength(2 * TOPICS.length);
  expect(before.offsets).toEqual(GROUPS.map((group) => [group, [`${TOPICS[0]} 1`]]));
  const others = GROUPS.filter((group) => !asker.groups.includes(group));
  expect({
    topics: await wrongAnswers(asker, connection, ON_TOPICS, TOPICS),
    groups: await wrongAnswers(asker, connection, ON_EVERY_GROUP, GROUPS),
    others: await wrongAnswers(asker, connection, ON_OTHER_GROUPS, others),
    users: await wrongAnswers(asker, connection, ON_USERS, [...BUS_SERVICES, kafkaOperator.username, USER]),
    cluster: await wrongAnswers(asker, connection, ON_THE_CLUSTER, [undefined]),
  }).toEqual({ topics: [], groups: [], others: [], users: [], cluster: [] });
  const { groups } = await listGroupsV5.api.async(connection, [], []);
  expect(groups.map(({ groupId }) => groupId).sort()).toEqual(
    [...(asker.describesCluster ? GROUPS : asker.groups)].sort(),
  );
  expect(await clusterState()).toEqual(before);
  for (const user of [kafkaOperator, ...BUS_SERVICES.map(kafkaUser)]) await connect(user);
}

describe('a request that a service has no need of', () => {
  it.each(BUS_SERVICES)('is refused by the broker, and changes nothing: %s', async (service) => {
    const asker = askerOf(service, [service], service === 'usage-billing');
    await askForAll(asker, await connect(kafkaUser(service)));
  });

  it('is refused as well to clients without a name, while the former release is being replaced', async () => {
    await grantKafka(server.brokers, PREFIX, { plainClients: true });
    await askForAll(askerOf('nobody', BUS_SERVICES, false), await connect(undefined, server.plainBrokers));
  });
});

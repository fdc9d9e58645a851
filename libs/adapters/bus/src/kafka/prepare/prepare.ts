import {
  ConfigResourceTypes,
  findErrorBy,
  IncrementalAlterConfigOperationTypes,
  type Admin,
} from '@platformatic/kafka';
import type { PreparedKafka, PrepareKafkaOptions } from '../prepare-kafka.js';
import { BUS_SERVICES, BUS_TOPICS, rightsOf, rightsOfPlainClients } from '../rights.js';
import { settingsOf, TOPIC_PARTITIONS } from '../topic-settings.js';
import { makeRights } from './acls.js';
import { withAdmin } from './operator.js';
import { makeScramUsers } from './scram-users.js';

/** See `prepareKafka`. */
export async function prepare(options: PrepareKafkaOptions): Promise<PreparedKafka> {
  const { connection, topicPrefix, users, plainClients = false } = options;
  await makeScramUsers(connection, users);
  const rights = [
    ...BUS_SERVICES.flatMap((service) => rightsOf(service, topicPrefix)),
    ...(plainClients ? rightsOfPlainClients(topicPrefix) : []),
  ];
  return withAdmin(connection, async (admin) => {
    const topicsMade = await makeTopics(admin, topicPrefix, options.usageRetentionBytes);
    const { given, taken } = await makeRights(admin, rights, topicPrefix);
    return { topicsMade, users: users.map(({ username }) => username), rightsGiven: given, rightsTaken: taken };
  });
}

/** Topics that are there get the settings alone: their records and partitions stay. */
async function makeTopics(admin: Admin, topicPrefix: string, usageBytes?: number): Promise<readonly string[]> {
  const present = new Set(await admin.listTopics());
  const all = BUS_TOPICS.map((topic) => ({
    name: `${topicPrefix}${topic}`,
    configs: [...settingsOf(topic, usageBytes)],
  }));
  const missing = all.filter(({ name }) => !present.has(name));
  for (const topic of missing)
    await admin
      .createTopics({ topics: [topic.name], partitions: TOPIC_PARTITIONS, replicas: -1, configs: topic.configs })
      .catch((error: unknown) => {
        // Another run was faster; it gave the topic the same settings.
        if (findErrorBy(error as Error, 'apiId', 'TOPIC_ALREADY_EXISTS') === null) throw error;
      });
  const kept = all.filter(({ name }) => present.has(name));
  if (kept.length > 0)
    await admin.incrementalAlterConfigs({
      resources: kept.map(({ name, configs }) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: name,
        configs: configs.map((config) => ({ ...config, configOperation: IncrementalAlterConfigOperationTypes.SET })),
      })),
    });
  return missing.map(({ name }) => name);
}

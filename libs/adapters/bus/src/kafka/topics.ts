import type { Admin } from 'kafkajs';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';
import { explaining, isMissingTopic } from './refusals.js';
import { settingsOf, TOPIC_PARTITIONS } from './topic-settings.js';

/** The topic's name on the cluster. */
export function prefixed(connection: Pick<KafkaConnection, 'topicPrefix'>, topic: string): string {
  return `${connection.topicPrefix ?? ''}${topic}`;
}

/**
 * Creates the topics that are missing, with 6 partitions, the cluster's default replication and the retention of
 * `topic-settings.ts`. Rejects if it cannot. Where services have rights of their own the topics are there already
 * (`prepareKafka`); a topic that this user may not see is an error that names the right, and never created.
 */
export async function ensureTopics(connection: KafkaConnection, topics: readonly string[]): Promise<void> {
  const admin = kafkaClient(connection).admin();
  const nothingYet = { operation: 'Describe', resource: `topics ${topics.join(', ')}` } as const;
  try {
    await explaining(connection, nothingYet, () => admin.connect());
    const missing = await missingTopics(admin, connection, topics);
    if (missing.length > 0) await createTopics(admin, connection, missing);
  } finally {
    await admin.disconnect();
  }
}

/** Of the topics, those that are not there. Rejects with the right that is missing for one that may not be seen. */
async function missingTopics(
  admin: Admin,
  connection: KafkaConnection,
  topics: readonly string[],
): Promise<readonly string[]> {
  const visible = new Set(await admin.listTopics());
  const missing: string[] = [];
  for (const topic of topics.filter((each) => !visible.has(prefixed(connection, each)))) {
    const name = prefixed(connection, topic);
    const right = { operation: 'Describe', resource: `topic ${name}` } as const;
    // The list has only what may be described. Asked by name, the cluster tells what is missing from what is hidden.
    await explaining(connection, right, () => admin.fetchTopicMetadata({ topics: [name] })).catch((error: unknown) => {
      if (!isMissingTopic(error)) throw error;
      missing.push(topic);
    });
  }
  return missing;
}

async function createTopics(admin: Admin, connection: KafkaConnection, topics: readonly string[]): Promise<void> {
  const names = topics.map((topic) => prefixed(connection, topic));
  const right = { operation: 'Create', resource: `topics ${names.join(', ')}` } as const;
  try {
    await explaining(connection, right, () =>
      admin.createTopics({
        waitForLeaders: true,
        topics: topics.map((topic) => ({
          topic: prefixed(connection, topic),
          numPartitions: TOPIC_PARTITIONS,
          replicationFactor: -1,
          configEntries: [...settingsOf(topic)],
        })),
      }),
    );
  } catch (error) {
    // Another process may have created them meanwhile.
    const there = new Set(await admin.listTopics());
    if (!names.every((name) => there.has(name))) throw error;
  }
}

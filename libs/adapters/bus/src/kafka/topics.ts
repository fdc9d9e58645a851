import type { Admin } from 'kafkajs';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';

const PARTITIONS = 6;

/** The topic's name on the cluster. */
export function prefixed(connection: KafkaConnection, topic: string): string {
  return `${connection.topicPrefix ?? ''}${topic}`;
}

/**
 * Creates the topics that are missing, with 6 partitions and the cluster's default replication. Rejects if it cannot.
 */
export async function ensureTopics(connection: KafkaConnection, topics: readonly string[]): Promise<void> {
  const admin = kafkaClient(connection).admin();
  await admin.connect();
  try {
    await createMissingTopics(
      admin,
      topics.map((topic) => prefixed(connection, topic)),
    );
  } finally {
    await admin.disconnect();
  }
}

async function createMissingTopics(admin: Admin, names: readonly string[]): Promise<void> {
  // Lists the topics first: a deployment may create them itself, and not give the services the right to.
  const present = new Set(await admin.listTopics());
  const missing = names.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: -1 })),
    });
  } catch (error) {
    // Another process may have created them meanwhile.
    const there = new Set(await admin.listTopics());
    if (!missing.every((name) => there.has(name))) throw error;
  }
}

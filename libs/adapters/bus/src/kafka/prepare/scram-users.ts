import { pbkdf2, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  alterUserScramCredentialsV0,
  Connection,
  describeUserScramCredentialsV0,
  ScramMechanisms,
} from '@platformatic/kafka';
import type { KafkaUser } from '../kafka-client.js';
import type { OperatorConnection } from '../prepare-kafka.js';
import { transport } from './operator.js';

/** RFC 7677 has 4,096 as the least, which suits passwords that are random: nobody finds one by trying. */
const ITERATIONS = 4_096;
const SALT_BYTES = 24;
const KEY_BYTES = 64;
const SEEN_MS_MAX = 10_000;
const SEEN_POLL_MS = 20;

const derive = promisify(pbkdf2);

/**
 * Makes the users, or gives them these passwords. Connections that are open stay so. Resolves when the broker that was
 * asked knows them. The cluster is sent salted digests, never a password.
 */
export async function makeScramUsers(connection: OperatorConnection, users: readonly KafkaUser[]): Promise<void> {
  if (users.length === 0) return;
  const broker = await openBroker(connection);
  try {
    const upsertions = await Promise.all(users.map(scramCredential));
    const { results } = await alterUserScramCredentialsV0.api.async(broker, [], upsertions);
    const refused = results.filter(({ errorCode }) => errorCode !== 0);
    if (refused.length > 0)
      throw new Error(
        `Kafka did not make ${refused.map(({ user, errorMessage }) => `${user} (${errorMessage})`).join(', ')}`,
      );
    await untilKnown(broker, users);
  } finally {
    await broker.close();
  }
}

async function scramCredential({ username, password }: KafkaUser) {
  const salt = randomBytes(SALT_BYTES);
  return {
    name: username,
    mechanism: ScramMechanisms.SCRAM_SHA_512,
    iterations: ITERATIONS,
    salt,
    saltedPassword: await derive(password, salt, ITERATIONS, KEY_BYTES, 'sha512'),
  };
}

/** A new user reaches a broker by the cluster's metadata, some milliseconds after it was taken. */
async function untilKnown(broker: Connection, users: readonly KafkaUser[]): Promise<void> {
  const deadline = performance.now() + SEEN_MS_MAX;
  for (;;) {
    try {
      const names = users.map(({ username }) => ({ name: username }));
      const { results } = await describeUserScramCredentialsV0.api.async(broker, names);
      if (results.every(({ errorCode }) => errorCode === 0)) return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await delay(SEEN_POLL_MS);
  }
}

/** The first broker that takes the connection: any of them passes the request on to the controller. */
async function openBroker(connection: OperatorConnection): Promise<Connection> {
  const failures: unknown[] = [];
  for (const address of connection.brokers) {
    const colon = address.lastIndexOf(':');
    const broker = new Connection(connection.clientId, transport(connection));
    try {
      await broker.connect(address.slice(0, colon).replace(/^\[|\]$/g, ''), Number(address.slice(colon + 1)));
      return broker;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'no broker took the connection');
}

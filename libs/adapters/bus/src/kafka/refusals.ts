import type { KafkaConnection, KafkaUser } from './kafka-client.js';

/** What Kafka calls whom this process is. */
export const principalOf = ({ user }: { readonly user?: KafkaUser | undefined }): string =>
  `User:${user?.username ?? 'ANONYMOUS'}`;

/** What Kafka calls the operations that rights are given for, and what they are given on. */
export type KafkaOperation = 'Create' | 'Describe' | 'DescribeConfigs' | 'Read' | 'Write';
export type KafkaResource = `topic ${string}` | `topics ${string}` | `group ${string}` | 'the cluster';

/** Kafka refuses an operation to the user of this process. */
export class KafkaRightMissing extends Error {
  override readonly name = 'KafkaRightMissing';
  constructor(
    readonly principal: string,
    readonly operation: KafkaOperation,
    readonly resource: KafkaResource,
    cause?: unknown,
  ) {
    super(
      `Kafka does not allow ${principal} the operation ${operation} on ${resource}: the step that gives the services` +
        ' their rights (prepare-kafka.js) must run against this cluster, with the same KAFKA_TOPIC_PREFIX',
      { cause },
    );
  }
}

/** Kafka takes no call of this process, because of how it signs in. */
export class KafkaSignInRefused extends Error {
  override readonly name = 'KafkaSignInRefused';
}

/** The operation that a call of Kafka needs a right for. */
export interface NeededRight {
  readonly operation: KafkaOperation;
  readonly resource: KafkaResource;
}

/**
 * The error of a call of Kafka in words that say what to do, where the cause is a right or a password; any other error
 * is returned as it is. kafkajs wraps the cause once or twice, and names neither user nor operation.
 */
export function explained(error: unknown, { user }: Pick<KafkaConnection, 'user'>, right: NeededRight): unknown {
  if (error instanceof KafkaRightMissing || error instanceof KafkaSignInRefused) return error;
  const causes = causesOf(error);
  const says = (pattern: RegExp): boolean => causes.some((cause) => pattern.test(String(cause.type ?? cause.message)));
  if (says(/_AUTHORIZATION_FAILED$/)) {
    return new KafkaRightMissing(principalOf({ user }), right.operation, right.resource, error);
  }
  if (!causes.some(({ name, type }) => name === 'KafkaJSSASLAuthenticationError' || /SASL/.test(String(type))))
    return error;
  return new KafkaSignInRefused(signInProblem(user?.username ?? '', causes.map(({ message }) => message).join(' ')), {
    cause: error,
  });
}

/** Runs a call of Kafka; if it rejects for a right or a password, the error says which. */
export async function explaining<T>(
  connection: Pick<KafkaConnection, 'user'>,
  right: NeededRight,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explained(error, connection, right);
  }
}

/** Whether a call failed because the topic is not there. */
export function isMissingTopic(error: unknown): boolean {
  return causesOf(error).some(({ type }) => type === 'UNKNOWN_TOPIC_OR_PARTITION');
}

/**
 * Whether a line of kafkajs says that the user may not join the consumer group. The error says only that the group's
 * coordinator was not found.
 */
export const isGroupRefusal = (line: string): boolean => line.includes('Group authorization failed');

/** A time-out is weather; wrong credentials look the same until somebody mends them, and are tried again as well. */
function signInProblem(username: string, said: string): string {
  if (/timed out|closed/i.test(said)) return `Kafka did not answer in time when ${username} signed in`;
  if (/not supported/i.test(said))
    return `Kafka does not offer SCRAM-SHA-512 at KAFKA_BROKERS, by which ${username} signs in`;
  return `Kafka does not accept ${username} with this password (KAFKA_USERNAME, KAFKA_PASSWORD)`;
}

interface Cause {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly message?: unknown;
}

/** An error, what caused it, and the errors that it combines. */
function causesOf(error: unknown, depth = 0): Cause[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const parts = [cause, ...(Array.isArray(errors) ? errors : [])];
  return [error, ...parts.flatMap((part) => causesOf(part, depth + 1))];
}

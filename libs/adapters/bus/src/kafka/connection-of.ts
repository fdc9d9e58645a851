import { StartFault } from '@tollgate/app-process';
import type { KafkaConnection } from './kafka-client.js';

/** What the environment of a process says about Kafka. */
export interface KafkaEnvironment {
  readonly KAFKA_BROKERS: readonly string[];
  readonly KAFKA_TOPIC_PREFIX: string;
  readonly KAFKA_USERNAME?: string | undefined;
  readonly KAFKA_PASSWORD?: string | undefined;
  readonly KAFKA_TLS: boolean;
  /** What the file holds. */
  readonly KAFKA_CA_FILE?: { readonly pem: string } | undefined;
}

/**
 * How a process connects to Kafka, by its environment. It signs in where a user is named, and else connects without a
 * name, as the release before did.
 * @throws {StartFault} where the variables contradict each other
 */
export function kafkaConnection(environment: KafkaEnvironment, clientId: string): KafkaConnection {
  const { KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = environment;
  if (username !== undefined && password === undefined)
    throw new StartFault('KAFKA_PASSWORD', `is not set, though KAFKA_USERNAME is; set both, or neither`);
  if (username === undefined && password !== undefined)
    throw new StartFault('KAFKA_USERNAME', `is not set, though KAFKA_PASSWORD is; set both, or neither`);
  const tls = tlsOf(environment);
  return {
    clientId,
    brokers: environment.KAFKA_BROKERS,
    topicPrefix: environment.KAFKA_TOPIC_PREFIX,
    ...(username !== undefined && password !== undefined && { user: { username, password } }),
    ...(tls !== undefined && { tls }),
  };
}

function tlsOf({ KAFKA_TLS: on, KAFKA_CA_FILE: file }: KafkaEnvironment): KafkaConnection['tls'] {
  if (file === undefined) return on ? {} : undefined;
  if (!on) throw new StartFault('KAFKA_CA_FILE', 'is set, though KAFKA_TLS is not on; set KAFKA_TLS=on, or neither');
  return { ca: file.pem };
}

import { environmentFields, readEnvironment } from '@tollgate/config';
import { z } from 'zod';

const environment = z.object({
  KEY_MANAGEMENT_URL: environmentFields.httpUrl,
  TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret,
  KAFKA_BROKERS: environmentFields.kafkaBrokers,
  KAFKA_TOPIC_PREFIX: environmentFields.kafkaTopicPrefix,
});

/** The installation that gets the usage. */
export interface DemoConfig {
  readonly keyManagementUrl: string;
  readonly adminSecret: string;
  readonly kafka: { readonly brokers: readonly string[]; readonly topicPrefix?: string };
}

/**
 * Reads the settings of the command.
 * @throws {EnvironmentError} that names all that are wrong
 */
export function loadDemoConfig(variables: Readonly<Record<string, string | undefined>>): DemoConfig {
  const given = readEnvironment(environment, variables);
  return {
    keyManagementUrl: given.KEY_MANAGEMENT_URL,
    adminSecret: given.TOLLGATE_ADMIN_SECRET,
    kafka: { brokers: given.KAFKA_BROKERS, topicPrefix: given.KAFKA_TOPIC_PREFIX },
  };
}

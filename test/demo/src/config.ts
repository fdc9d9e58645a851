import { environmentFields, readEnvironment } from '@tollgate/config';
import { kafkaConnection, type KafkaConnection } from '@tollgate/bus';
import { gatewayEnvironment } from '@tollgate/gateway';

/** The events come onto the bus as those of a gateway do, by the same settings. */
const environment = gatewayEnvironment
  .pick({
    KEY_MANAGEMENT_URL: true,
    KAFKA_BROKERS: true,
    KAFKA_TOPIC_PREFIX: true,
    KAFKA_USERNAME: true,
    KAFKA_PASSWORD: true,
    KAFKA_TLS: true,
    KAFKA_CA_FILE: true,
  })
  .extend({ TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret });

/** The installation that gets the usage. */
export interface DemoConfig {
  readonly keyManagementUrl: string;
  readonly adminSecret: string;
  readonly kafka: KafkaConnection;
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
    kafka: kafkaConnection(given, 'demo'),
  };
}

/** Whom a client of the tests' Kafka signs in as. */
export interface KafkaLogin {
  readonly username: string;
  readonly password: string;
}

/** The super user of the tests' Kafka. */
export const kafkaOperator: KafkaLogin = { username: 'tollgate', password: 'password-of-tollgate' };

/** How a service signs in there, as `asRole` has it for PostgreSQL. */
export const kafkaUser = (service: string): KafkaLogin => ({
  username: service,
  password: `password-of-${service}`,
});

const connection = (brokers: string) => ({
  brokers: brokers.split(','),
  clientId: 'tollgate-test-bed',
  user: { ...kafkaOperator, mechanism: 'PLAIN' as const },
});

/** Makes the users of the services, and the operator's by SCRAM, by which `kafkaBus` signs in. */
export async function makeKafkaUsers(brokers: string): Promise<void> {
  const { BUS_SERVICES, makeKafkaUsers: make } = await import('@tollgate/bus');
  await make(connection(brokers), [kafkaOperator, ...BUS_SERVICES.map(kafkaUser)]);
}

/** What `grantKafka` is told beside the topics' prefix. */
export interface GrantOptions {
  /** Whether clients of the plain listener may do what the services may. */
  readonly plainClients?: boolean;
}

/** Makes the topics of an installation with this prefix, and gives the services their rights on them. */
export async function grantKafka(brokers: string, topicPrefix: string, options: GrantOptions = {}): Promise<void> {
  const { prepareKafka } = await import('@tollgate/bus');
  await prepareKafka({ connection: connection(brokers), topicPrefix, users: [], ...options });
}

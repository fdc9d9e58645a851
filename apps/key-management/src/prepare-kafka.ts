import { setTimeout as delay } from 'node:timers/promises';
import { mendableFault, reasonOf, StartFault } from '@tollgate/app-process';
import {
  BUS_SERVICES,
  kafkaConnection,
  OPERATOR_MECHANISMS,
  prepareKafka,
  type PrepareKafkaOptions,
  type PreparedKafka,
} from '@tollgate/bus';
import { environmentFields, kafkaFields, readEnvironment } from '@tollgate/config';
import { z } from 'zod';

/**
 * Prepares a Kafka for the services: their users, what each may do, the topics and how much is kept of them. It waits
 * for a Kafka that is starting, can be run again at any time, and is run again with each release. With `--stay` it does
 * not end when it is done: for a container that would be started again.
 */

const WAIT_MS_MAX = 120_000;
const AGAIN_MS = 1_000;

const environment = z.object({
  ...kafkaFields,
  /** Signs in as somebody who may make users, rights and topics. */
  KAFKA_USERNAME: z.string().default('tollgate'),
  KAFKA_PASSWORD: environmentFields.password,
  KAFKA_MECHANISM: z.enum(OPERATOR_MECHANISMS, `must be ${OPERATOR_MECHANISMS.join(' or ')}`).default('SCRAM-SHA-512'),
  /** The users of the services are given these; one whose password is not set stays as it is. */
  KAFKA_GATEWAY_PASSWORD: environmentFields.password.optional(),
  KAFKA_KEY_MANAGEMENT_PASSWORD: environmentFields.password.optional(),
  KAFKA_USAGE_BILLING_PASSWORD: environmentFields.password.optional(),
  KAFKA_SECRET_SCANNING_PASSWORD: environmentFields.password.optional(),
  /** While processes of the former release run, which do not sign in. */
  KAFKA_PLAIN_CLIENTS: z
    .enum(['on', 'off'], 'must be on or off')
    .default('off')
    .transform((value) => value === 'on'),
  /** Bytes on disk that each topic of usage events may take; a MiB for each of its six partitions at least. */
  KAFKA_RETENTION_BYTES: z
    .string()
    .regex(/^[1-9]\d{6,14}$/, 'must be a number of bytes from 6291456 on')
    .transform(Number)
    .refine((bytes) => bytes >= 6 * 1024 * 1024, 'must be a number of bytes from 6291456 on')
    .optional(),
});

const PASSWORDS = {
  gateway: 'KAFKA_GATEWAY_PASSWORD',
  'key-management': 'KAFKA_KEY_MANAGEMENT_PASSWORD',
  'usage-billing': 'KAFKA_USAGE_BILLING_PASSWORD',
  'secret-scanning': 'KAFKA_SECRET_SCANNING_PASSWORD',
} as const;

function options(): PrepareKafkaOptions {
  const given = readEnvironment(environment, process.env);
  const { user, ...connection } = kafkaConnection(given, 'prepare-kafka');
  return {
    connection: { ...connection, ...(user && { user: { ...user, mechanism: given.KAFKA_MECHANISM } }) },
    topicPrefix: given.KAFKA_TOPIC_PREFIX,
    users: BUS_SERVICES.flatMap((username) => {
      const password = given[PASSWORDS[username]];
      return password === undefined ? [] : [{ username, password }];
    }),
    plainClients: given.KAFKA_PLAIN_CLIENTS,
    ...(given.KAFKA_RETENTION_BYTES !== undefined && { usageRetentionBytes: given.KAFKA_RETENTION_BYTES }),
  };
}

/** Kafka may be starting. What an operator must mend is not tried again. */
async function untilPrepared(prepared: PrepareKafkaOptions): Promise<PreparedKafka> {
  const deadline = performance.now() + WAIT_MS_MAX;
  let told = false;
  for (;;) {
    try {
      return await prepareKafka(prepared);
    } catch (error) {
      const fault = faultOf(error);
      if (fault !== null) throw fault;
      if (performance.now() > deadline)
        throw new StartFault('KAFKA_BROKERS', `Kafka cannot be prepared: ${innermost(error)}`, error);
      if (!told) process.stderr.write(`Kafka cannot be prepared yet, trying for two minutes: ${innermost(error)}\n`);
      told = true;
      await delay(AGAIN_MS);
    }
  }
}

const FAULTS: readonly (readonly [pattern: RegExp, variable: string, problem: string])[] = [
  [
    /SASL_AUTHENTICATION_FAILED|SASL authentication failed|Authentication failed/i,
    'KAFKA_PASSWORD',
    'Kafka does not accept the operator with this password (KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_MECHANISM)',
  ],
  [
    /UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE|SaslHandshake/i,
    'KAFKA_MECHANISM',
    'Kafka does not offer this way of signing in at KAFKA_BROKERS',
  ],
  [
    /SECURITY_DISABLED/,
    'KAFKA_BROKERS',
    'this Kafka has no authorizer, so nobody can be given rights; set authorizer.class.name (docs/security.md)',
  ],
  [/AUTHORIZATION_FAILED/, 'KAFKA_USERNAME', 'this user may not make users, rights or topics; name one who may'],
];

function faultOf(error: unknown): StartFault | null {
  const said = sayings(error).join(' ');
  const found = FAULTS.find(([pattern]) => pattern.test(said));
  return found === undefined ? null : new StartFault(found[1], found[2], error);
}

/** What an error, its causes and the errors that it combines say of themselves. */
function sayings(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const { cause, errors, apiId } = error as { cause?: unknown; errors?: unknown; apiId?: unknown };
  const parts = [...(Array.isArray(errors) ? errors : []), cause];
  return [error.message, String(apiId ?? ''), ...parts.flatMap((part) => sayings(part, depth + 1))];
}

/** The words of the error that all others come from. */
function innermost(error: unknown): string {
  const all = sayings(error).filter((text) => text !== '');
  return all.length === 0 ? reasonOf(error) : all.at(-1)!.replaceAll(/\s*\n\s*/g, ' ');
}

async function run(): Promise<void> {
  const { users, rightsGiven, rightsTaken, topicsMade } = await untilPrepared(options());
  process.stdout.write(
    `Kafka is prepared: users ${users.join(', ') || 'as they were'}; rights given ${rightsGiven}, taken away ` +
      `${rightsTaken}; topics made ${topicsMade.length}\n`,
  );
  if (process.argv.includes('--stay')) await stopSignal();
}

/** The process with the id 1 of a container hears no signal that it does not handle. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => undefined, 2 ** 30);
    const end = (): void => {
      clearInterval(idle);
      resolve();
    };
    process.once('SIGTERM', end).once('SIGINT', end);
  });
}

run().catch((error: unknown) => {
  process.stderr.write(`Kafka was not prepared: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});

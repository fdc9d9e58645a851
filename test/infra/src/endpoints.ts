import { createDatabase, startPostgres } from './postgres.js';
import { startKafka } from './kafka.js';
import { startRedis } from './redis.js';

/** Where the servers of this test run answer. All files of a run share them. */
export interface InfraEndpoints {
  /** PostgreSQL's maintenance database; suites work in one of their own, from `createDatabase`. */
  databaseUrl: string;
  redisUrl: string;
  kafkaBrokers: string;
  /** Whether clients of Kafka must sign in; a given one is used without. */
  kafkaSecured: boolean;
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>;
}

/** The three servers of a test run. */
export interface Infra {
  /** The variables that tell test processes where they are. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

const variables = {
  databaseUrl: 'TOLLGATE_TEST_DATABASE_URL',
  redisUrl: 'TOLLGATE_TEST_REDIS_URL',
  kafkaBrokers: 'TOLLGATE_TEST_KAFKA_BROKERS',
  kafkaSecured: 'TOLLGATE_TEST_KAFKA_SECURED',
} as const;

/**
 * Variables that choose servers which are there already. Tests never see them: an app under test must not find them.
 */
export const givenServerVariables = ['DATABASE_URL', 'REDIS_URL', 'KAFKA_BROKERS'] as const;

/** Whether this process was told where the servers are. */
export function hasInfra(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Object.values(variables).every((name) => environment[name]);
}

/** The endpoints a test gets from `npm test`, or from vitest's global set-up when vitest was started by hand. */
export function infraFromEnvironment(environment: NodeJS.ProcessEnv = process.env): InfraEndpoints {
  const read = (name: string): string => {
    const value = environment[name];
    if (!value)
      throw new Error(`${name} is not set: this is not a project with servers (adapter, journey, clients, fault)`);
    return value;
  };
  const databaseUrl = read(variables.databaseUrl);
  return {
    databaseUrl,
    redisUrl: read(variables.redisUrl),
    kafkaBrokers: read(variables.kafkaBrokers),
    kafkaSecured: read(variables.kafkaSecured) === 'on',
    createDatabase: () => createDatabase(databaseUrl),
  };
}

/** Starts all three side by side. Rejects with every reason when one cannot be had, after stopping the others. */
export async function startInfra(): Promise<Infra> {
  const started = await Promise.allSettled([startPostgres(), startRedis(), startKafka()]);
  const stop = async () => {
    await Promise.all(started.flatMap((server) => (server.status === 'fulfilled' ? [server.value.stop()] : [])));
  };
  const [postgres, redis, kafka] = started;
  if (postgres.status === 'rejected' || redis.status === 'rejected' || kafka.status === 'rejected') {
    await stop();
    const reasons = started.flatMap((server) =>
      server.status === 'rejected' ? [String(server.reason?.message ?? server.reason)] : [],
    );
    throw new Error(reasons.join('\n'));
  }
  const environment = {
    [variables.databaseUrl]: postgres.value.url,
    [variables.redisUrl]: redis.value.url,
    [variables.kafkaBrokers]: kafka.value.brokers,
    [variables.kafkaSecured]: kafka.value.secured ? 'on' : 'off',
  };
  return { environment, stop };
}

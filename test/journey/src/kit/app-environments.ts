import { asRedisUser, asRole, kafkaUser } from '@tollgate/infra';
import { FAILURES_OF_JOURNEYS } from './failures-of-journeys.js';

/** Variables by name. */
export type Environment = Readonly<Record<string, string>>;

export type DistributedApp = 'gateway' | 'key-management' | 'usage-billing' | 'secret-scanning';

/** What the processes of one distributed Tollgate share. */
export interface Deployment {
  /** Logs in as the owner of the database. */
  readonly databaseUrl: string;
  /** Logs in as `default`; each app gets the URL of its own user. */
  readonly redisUrl: string;
  readonly kafkaBrokers: string;
  /** Whether each service signs in at Kafka as itself, with the rights it has there. */
  readonly kafkaSecured?: boolean;
  readonly topicPrefix: string;
  readonly secrets: Readonly<Record<'admin' | 'service' | 'pepper', string>>;
  readonly urls: Readonly<Record<'keyManagement' | 'usageBilling' | 'secretScanning', string>>;
  readonly ownerEmail: string;
  /** Of the owner; without it they get in by a link alone. */
  readonly ownerPassword?: string;
  /** The origin that people use. */
  readonly publicUrl?: string;
  /** Names the configuration file, and holds the credentials that it refers to. */
  readonly outside: Environment;
}

/** What is a process's own. */
export interface Place {
  readonly port: number;
  readonly operationsPort: number;
  /** Of gateways, and of key-management and secret-scanning without a mail server. */
  readonly dataFolder?: string;
}

/**
 * What a process of a distributed Tollgate is told. A test holds docker-compose.yml, which tells its containers, to the
 * same names.
 */
export function appEnvironment(
  app: DistributedApp,
  {
    databaseUrl,
    redisUrl,
    kafkaBrokers,
    kafkaSecured = false,
    topicPrefix,
    secrets,
    urls,
    ownerEmail,
    ownerPassword,
    publicUrl,
    outside,
  }: Deployment,
  { port, operationsPort, dataFolder }: Place,
): Environment {
  const everyApp = {
    TOLLGATE_HOST: '127.0.0.1',
    TOLLGATE_PORT: String(port),
    TOLLGATE_OPERATIONS_PORT: String(operationsPort),
    KAFKA_BROKERS: kafkaBrokers,
    KAFKA_TOPIC_PREFIX: topicPrefix,
    ...(kafkaSecured && { KAFKA_USERNAME: app, KAFKA_PASSWORD: kafkaUser(app).password }),
    TOLLGATE_SERVICE_SECRET: secrets.service,
    LOG_LEVEL: 'info',
    ...(dataFolder !== undefined && { TOLLGATE_DATA: dataFolder }),
  };
  // A service may do no more than the grants of its role: one that is missing shows in the journeys.
  const databaseOf = (role: string) => ({
    DATABASE_URL: asRole(databaseUrl, role),
    DATABASE_MIGRATION_URL: databaseUrl,
  });
  const origin: Environment = publicUrl === undefined ? {} : { TOLLGATE_PUBLIC_URL: publicUrl };
  const callsServices = { KEY_MANAGEMENT_URL: urls.keyManagement, USAGE_BILLING_URL: urls.usageBilling };
  switch (app) {
    case 'gateway':
      return {
        ...everyApp,
        ...outside,
        ...callsServices,
        SECRET_SCANNING_URL: urls.secretScanning,
        REDIS_URL: asRedisUser(redisUrl, 'gateway'),
        TOLLGATE_PEPPER: secrets.pepper,
      };
    case 'key-management':
      return {
        ...everyApp,
        ...outside,
        ...databaseOf('tollgate_keys'),
        REDIS_URL: asRedisUser(redisUrl, 'key-management'),
        USAGE_BILLING_URL: urls.usageBilling,
        TOLLGATE_ADMIN_SECRET: secrets.admin,
        ...FAILURES_OF_JOURNEYS,
        TOLLGATE_PEPPER: secrets.pepper,
        INIT_OWNER_EMAIL: ownerEmail,
        ...(ownerPassword !== undefined && { INIT_OWNER_PASSWORD: ownerPassword }),
        ...origin,
      };
    case 'usage-billing':
      return {
        ...everyApp,
        ...outside,
        ...databaseOf('tollgate_billing'),
        REDIS_URL: asRedisUser(redisUrl, 'usage-billing'),
        TOLLGATE_PEPPER: secrets.pepper,
        KEY_MANAGEMENT_URL: urls.keyManagement,
        TOLLGATE_ADMIN_SECRET: secrets.admin,
        ...origin,
        ...FAILURES_OF_JOURNEYS,
      };
    case 'secret-scanning':
      return {
        ...everyApp,
        ...outside,
        ...callsServices,
        ...databaseOf('tollgate_scanning'),
        TOLLGATE_PEPPER: secrets.pepper,
      };
  }
}

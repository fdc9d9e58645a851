import { closest } from 'fastest-levenshtein';

const PREFIX = 'TOLLGATE_';

/**
 * Every variable of this prefix that some part of Tollgate reads: an app, docker-compose.yml, whose `.env` is often
 * that of the shell too, or the tests. A test holds the list to them.
 */
export const TOLLGATE_VARIABLES = [
  'TOLLGATE_ACCOUNT_FAILURES_PER_HOUR',
  'TOLLGATE_ADDRESS_FAILURES_PER_MINUTE',
  'TOLLGATE_ADMIN_CALLS_AT_ONCE',
  'TOLLGATE_ADMIN_CALLS_PER_SECOND',
  'TOLLGATE_ADMIN_SECRET',
  'TOLLGATE_ADMIN_SECRET_FILE',
  'TOLLGATE_ADMIN_SECRET_PREVIOUS',
  'TOLLGATE_ADMIN_SECRET_PREVIOUS_FILE',
  'TOLLGATE_CONFIG',
  'TOLLGATE_DATA',
  'TOLLGATE_ENCRYPTION_KEY',
  'TOLLGATE_ENCRYPTION_KEY_FILE',
  'TOLLGATE_ENCRYPTION_KEY_PREVIOUS',
  'TOLLGATE_ENCRYPTION_KEY_PREVIOUS_FILE',
  'TOLLGATE_FAILURES_PER_MINUTE',
  'TOLLGATE_HOST',
  'TOLLGATE_KEEP_ALIVE_SECONDS',
  'TOLLGATE_KEY_MARKER',
  'TOLLGATE_LEAK_HOST',
  'TOLLGATE_LEAK_PORT',
  'TOLLGATE_DNS_SERVERS',
  'TOLLGATE_MIGRATIONS',
  'TOLLGATE_OIDC_PRIVATE_NETWORK',
  'TOLLGATE_OPERATIONS_HOST',
  'TOLLGATE_OPERATIONS_PORT',
  'TOLLGATE_PEPPER',
  'TOLLGATE_PEPPER_FILE',
  'TOLLGATE_PEPPER_PREVIOUS',
  'TOLLGATE_PEPPER_PREVIOUS_FILE',
  'TOLLGATE_PORT',
  'TOLLGATE_PROXY_PROTOCOL',
  'TOLLGATE_PUBLIC_URL',
  'TOLLGATE_SERVICE_SECRET',
  'TOLLGATE_SERVICE_SECRET_FILE',
  'TOLLGATE_SERVICE_SECRET_PREVIOUS',
  'TOLLGATE_SERVICE_SECRET_PREVIOUS_FILE',
  'TOLLGATE_SESSION_HOURS',
  'TOLLGATE_SESSION_IDLE_MINUTES',
  'TOLLGATE_SIMULATOR',
  'TOLLGATE_STOP_WINDOW_SECONDS',
  'TOLLGATE_USAGE_EVENT_MONTHS',
  'TOLLGATE_USAGE_HOUR_DAYS',
  'TOLLGATE_USAGE_MINUTE_DAYS',
  // docker-compose.yml
  'TOLLGATE_CONFIG_FILE',
  'TOLLGATE_GATEWAYS',
  'TOLLGATE_KAFKA_MEMORY',
  'TOLLGATE_KAFKA_PARTITION_BYTES',
  'TOLLGATE_KAFKA_PORT',
  'TOLLGATE_MAIL_PORT',
  'TOLLGATE_POSTGRES_PORT',
  'TOLLGATE_PUBLISH',
  'TOLLGATE_PUBLISHED_PORT',
  'TOLLGATE_REDIS_MAXMEMORY',
  'TOLLGATE_REDIS_MEMORY',
  'TOLLGATE_REDIS_PORT',
  'TOLLGATE_VERSION',
  // The `.env` of docker-compose.yml before 2026-12
  'TOLLGATE_BILLING_POSTGRES_PASSWORD',
  'TOLLGATE_KEYS_POSTGRES_PASSWORD',
  'TOLLGATE_POSTGRES_PASSWORD',
  'TOLLGATE_PUBLISHED_PORTS',
  'TOLLGATE_REDIS_PASSWORD',
  'TOLLGATE_SCANNING_POSTGRES_PASSWORD',
  // Tests
  'TOLLGATE_TEST_DATABASE_URL',
  'TOLLGATE_TEST_KAFKA_BROKERS',
  'TOLLGATE_TEST_KAFKA_SECURED',
  'TOLLGATE_TEST_REDIS_URL',
] as const;

/** A variable that looks like one of ours, and is none. */
export interface UnknownVariable {
  readonly name: string;
  /** The variable that this process reads whose name is most like it. */
  readonly nearest: string;
}

/**
 * The variables of the environment that begin with `TOLLGATE_` and that nobody reads: a name that is misspelt would
 * otherwise be passed over without a word. `read`: the names that this process reads, the credentials of config.yaml
 * among them.
 */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
  read: readonly string[],
): UnknownVariable[] {
  const known = new Set<string>([...TOLLGATE_VARIABLES, ...read]);
  const candidates = read.filter((name) => name.startsWith(PREFIX));
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .sort()
    .map((name) => ({ name, nearest: closest(name, candidates) }));
}

import { pathText, validate } from '@tollgate/errors';
import { isIP } from 'node:net';
import { z } from 'zod';
import { secretFile, type SecretFile } from './secret-file.js';
import {
  foundSecret,
  isSecretVariable,
  secretVariable,
  twinOf,
  type Environment,
  type FoundVariable,
} from './secret-variables.js';
import { caFile, completeUrls, loginUrl } from './server-logins.js';

/** An environment that a process cannot start with. Its message lists every variable at fault, never a value. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  constructor(readonly problems: readonly string[]) {
    super(['the environment is not as it must be:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
}

/** People set it to reach a server with a certificate of their own; then nobody proves to be the provider either. */
const TLS_SWITCHED_OFF =
  'NODE_TLS_REJECT_UNAUTHORIZED must not be 0: no server, and no provider, would have to prove who it is; name the authority of your own servers in DATABASE_CA_FILE, REDIS_CA_FILE, KAFKA_CA_FILE or SMTP_CA_FILE';

/**
 * The variables of one process as its schema has them. A variable set to nothing counts as not set. A secret variable
 * X may stand in a file that `X_FILE` names. A password of `X_PASSWORD` comes into `X_URL`, and `DATABASE_CA_FILE`
 * into the URLs of PostgreSQL, so that whoever connects needs the URL alone.
 * @throws {EnvironmentError}
 */
export function readEnvironment<S extends z.ZodObject>(
  schema: S,
  environment: Environment,
  readSecret: SecretFile = secretFile,
): z.output<S> {
  const given: Record<string, string> = {};
  const inFile = new Set<string>();
  const problems = new Map<string, string>();
  for (const [name, each] of Object.entries(schema.shape)) {
    const found = isSecretVariable(each as z.core.$ZodType)
      ? foundSecret(environment, name, readSecret)
      : plainVariable(environment, name);
    if (found.kind === 'fault') problems.set(name, found.fault);
    if (found.kind !== 'value') continue;
    given[name] = found.value;
    if (found.isFromFile) inFile.add(name);
  }
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
    problems.set('NODE_TLS_REJECT_UNAUTHORIZED', TLS_SWITCHED_OFF);
  for (const [name, fault] of completeUrls(Object.keys(schema.shape), given)) problems.set(name, fault);
  const result = validate(schema, given);
  if (result.kind === 'valid' && problems.size === 0) return result.value;
  const faults = result.kind === 'valid' ? [] : result.faults;
  throw new EnvironmentError([
    ...problems.values(),
    ...faults
      .filter(({ path }) => !problems.has(String(path[0])))
      .map(({ path, message }) => `${pathText(path)}${placeOf(path, inFile)} ${message}`),
  ]);
}

function plainVariable(environment: Environment, name: string): FoundVariable {
  const value = environment[name] ?? '';
  return value === '' ? { kind: 'absent' } : { kind: 'value', value, isFromFile: false };
}

const placeOf = ([name]: readonly PropertyKey[], inFile: ReadonlySet<string>): string =>
  typeof name === 'string' && inFile.has(name) ? ` in the file of ${twinOf(name)}` : '';

/**
 * One variable of this process, as `config.yaml` names it, or what the file holds that its twin names; undefined where
 * neither is set. For `loadConfig`.
 * @throws {EnvironmentError} where both are set, or the file holds no secret
 */
export function environmentVariable(name: string): string | undefined {
  const found = foundSecret(process.env, name);
  if (found.kind === 'fault') throw new EnvironmentError([found.fault]);
  return found.kind === 'value' ? found.value : undefined;
}

const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `must be a URL of ${protocols.map((each) => `${each}//`).join(' or ')}`,
    );
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port')
  .transform(Number)
  .refine((value) => value < 65_536, 'must be a port');

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be a whole number from ${least} to ${most}`);
/** A scheme, a host and a port, and nothing behind them: what a browser calls an origin. */
const isOrigin = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, origin, username, password, pathname, search, hash } = new URL(text);
  const plain = username === '' && password === '' && search === '' && hash === '' && /^\/*$/.test(pathname);
  return plain && origin !== 'null' && (protocol === 'http:' || protocol === 'https:');
};

/** An address of a name server in a form that Node.js takes. */
function isDnsServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, v6, v6Port, v4, v4Port] = /^(?:\[([^\]]+)\](?::(\d{1,5}))?|([^:]+):(\d{1,5}))$/.exec(text) ?? [];
  return isIP(v6 ?? v4 ?? '') !== 0 && Number(v6Port ?? v4Port ?? 53) < 65_536;
}

/** Variables that several apps read, each with the one form it has. */
export const environmentFields = {
  host: z.string().default('127.0.0.1'),
  /** Metrics and readiness are for those who run the process: other machines reach them only where this says so. */
  operationsHost: z.string().default('127.0.0.1'),
  /** 0 takes a free one. */
  port,
  httpUrl: url('http:', 'https:'),
  /** The origin under which people reach the installation. */
  publicUrl: z
    .string()
    .refine(isOrigin, 'must be an http or https URL without path, user, password or query, as https://ai.example.com')
    .transform((text) => new URL(text).origin),
  postgresUrl: loginUrl('postgres:', 'postgresql:'),
  redisUrl: loginUrl('redis:', 'rediss:'),
  smtpUrl: loginUrl('smtp:', 'smtps:'),
  /** Certificates of the authority that a server's certificate is checked against, in the place of the public ones. */
  caFile,
  /** `wait`: the schema is brought up to date by another process, and this one waits until it is. */
  migrations: z.enum(['run', 'wait'], 'must be run or wait').default('run'),
  /** What digests are made with, and keys are derived from. */
  pepper: secretVariable(z.string().min(16)),
  /** A password for a server of others, in whatever characters it has. */
  password: secretVariable(z.string()),
  /** Sent in a header, which carries no other characters whole. */
  bearerSecret: secretVariable(
    z
      .string()
      .min(16)
      .regex(/^[\x21-\x7e]*$/, 'must have visible ASCII characters alone'),
  ),
  /** 32 bytes. */
  encryptionKey: secretVariable(z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')),
  /** `derived`: the key was derived from the pepper. */
  encryptionKeyPrevious: secretVariable(
    z.string().regex(/^(?:[0-9a-fA-F]{64}|derived)$/, 'must be 64 hexadecimal digits, or the word derived'),
  ),
  emailAddress: z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be an e-mail address'),
  /** A session of a person that is not used for this long ends. */
  sessionIdleMinutes: wholeNumber(1, 43_200).default(720),
  /** A session of a person ends at this age, however much it is used. */
  sessionHours: wholeNumber(1, 8_760).default(168),
  /** Whether the identity providers of organisations may be on loopback and private addresses. */
  oidcPrivateNetwork: z
    .enum(['on', 'off'], 'must be on or off')
    .default('off')
    .transform((value) => value === 'on'),
  /** Where records of domains are looked up, as `192.0.2.53` or `[2001:db8::53]:5353`; at the host's if empty. */
  dnsServers: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((server) => server.trim() || []))
    .refine(
      (servers) => servers.every(isDnsServer),
      'must be addresses with or without a port, separated by commas, as 192.0.2.53 or [2001:db8::53]:5353',
    ),
  /** Whole months before the present one; not set, all are kept. */
  usageEventMonths: z
    .string()
    .regex(/^([1-9]|1\d|2[0-4])?$/, 'must be a whole number of months from 1 to 24')
    .transform((text) => (text === '' ? undefined : Number(text)))
    .optional(),
  /** Days for which usage by minute, and refused calls by minute, are kept. */
  usageMinuteDays: wholeNumber(1, 400).default(14),
  /** Days for which usage by quarter-hour and hour, and refused calls by quarter-hour, are kept. */
  usageHourDays: wholeNumber(32, 3_660).default(400),
  /** `host:port`, separated by commas. */
  kafkaBrokers: z
    .string()
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .refine(
      (brokers) => brokers.every((broker) => /^\S+:\d{1,5}$/.test(broker)),
      'must be host:port, separated by commas',
    ),
  kafkaTopicPrefix: z
    .string()
    .regex(/^[\w.-]*$/, 'must be letters, digits, ".", "_" or "-"')
    .default(''),
};

/** The variables of every process that connects to Kafka. */
export const kafkaFields = {
  KAFKA_BROKERS: environmentFields.kafkaBrokers,
  KAFKA_TOPIC_PREFIX: environmentFields.kafkaTopicPrefix,
  /** Signs in by SASL/SCRAM-SHA-512. Without it Kafka is used without a name. */
  KAFKA_USERNAME: z.string().optional(),
  KAFKA_PASSWORD: environmentFields.password.optional(),
  KAFKA_TLS: z
    .enum(['on', 'off'], 'must be on or off')
    .default('off')
    .transform((value) => value === 'on'),
  /** Certificates in PEM of the authorities to trust. Without it those count that Node.js knows. */
  KAFKA_CA_FILE: environmentFields.caFile.optional(),
} as const;

/** How long the listener of every app keeps connections, and how it is closed. */
export const listenerFields = {
  /**
   * After SIGTERM requests are still served for this long, since a balancer takes time to send them elsewhere. 0 stops
   * at once.
   */
  TOLLGATE_STOP_WINDOW_SECONDS: wholeNumber(0, 600).default(5),
  /**
   * A connection without a request is kept for this long. It must be longer than any balancer before it keeps one: a
   * request on a connection that is being closed is lost. Google's balancer has the longest fixed time, 600 seconds.
   */
  TOLLGATE_KEEP_ALIVE_SECONDS: wholeNumber(1, 86_400).default(620),
} as const;

/** How connections reach a listener that is open to clients. */
export const publicListenerFields = {
  ...listenerFields,
  /** `v2`: each connection begins with a header of the PROXY protocol, and one without it is closed. */
  TOLLGATE_PROXY_PROTOCOL: z.enum(['off', 'v2'], 'must be off or v2').default('off'),
} as const;

/** The variables of every service that has a part of the admin API, besides its secrets. */
export const adminApiFields = {
  /** Links in mails, cookies and the check of a page's origin follow it, never what a request says. */
  TOLLGATE_PUBLIC_URL: environmentFields.publicUrl.optional(),
  /** What one caller may go on doing each second, and at once before that. */
  TOLLGATE_ADMIN_CALLS_PER_SECOND: wholeNumber(1, 9_999_999).default(100),
  TOLLGATE_ADMIN_CALLS_AT_ONCE: wholeNumber(1, 9_999_999).default(1_000),
  /** Wrong credentials of one account from one address, in a minute. */
  TOLLGATE_FAILURES_PER_MINUTE: wholeNumber(1, 9_999_999).default(10),
  /** Of one account from everywhere, in an hour; beyond it attempts are slowed. */
  TOLLGATE_ACCOUNT_FAILURES_PER_HOUR: wholeNumber(1, 9_999_999).default(100),
  /** From one address, of all accounts, in a minute. */
  TOLLGATE_ADDRESS_FAILURES_PER_MINUTE: wholeNumber(1, 9_999_999).default(300),
} as const;

/** The variables of `adminApiFields` as they were read. */
export type AdminApiEnvironment = z.output<z.ZodObject<typeof adminApiFields>>;

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaBus, type KafkaConnection } from '@tollgate/bus';
import {
  freePort,
  grantKafka,
  kafkaOperator,
  kafkaUser,
  startKafka,
  tempFolder,
  type KafkaServer,
} from '@tollgate/infra';
import { USAGE_RECORDED_V2 } from '@tollgate/contracts';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeOpen, message, open } from './bus-fixture.js';

/*
 * The listeners as docker-compose.yml has them, with TLS for the services: that of the services takes SCRAM alone, the
 * operator's and the controller's take the operator, whose password Kafka reads from a file.
 */

const PREFIX = 'listeners-';
const PASSWORD_FILE = 'kafka_operator_password';
let server: KafkaServer;
let certificate: string;
const ports = { operator: 0, controller: 0 };

beforeAll(async () => {
  const folder = tempFolder('tollgate-listeners');
  const [key, file] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', file],
    {
      stdio: 'ignore',
    },
  );
  certificate = readFileSync(file, 'utf8');
  const store = join(folder, 'store.pem');
  writeFileSync(store, readFileSync(key, 'utf8') + certificate);
  writeFileSync(join(folder, PASSWORD_FILE), kafkaOperator.password);
  [ports.operator, ports.controller] = [await freePort(), await freePort()];
  const password = `\${directory:${folder}:${PASSWORD_FILE}}`;
  const login =
    'org.apache.kafka.common.security.plain.PlainLoginModule required ' +
    `username="${kafkaOperator.username}" password="${password}" user_${kafkaOperator.username}="${password}";`;
  server = await startKafka({
    bySettings: {
      operatorPort: ports.operator,
      settings: (port) => ({
        listeners: `SERVICES://127.0.0.1:${port},OPERATOR://127.0.0.1:${ports.operator},CONTROLLER://127.0.0.1:${ports.controller}`,
        'advertised.listeners': `SERVICES://127.0.0.1:${port},OPERATOR://127.0.0.1:${ports.operator}`,
        'listener.security.protocol.map': 'SERVICES:SASL_SSL,OPERATOR:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
        'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
        'inter.broker.listener.name': 'OPERATOR',
        'config.providers': 'directory',
        'config.providers.directory.class': 'org.apache.kafka.common.config.provider.DirectoryConfigProvider',
        'config.providers.directory.param.allowed.paths': folder,
        'listener.name.services.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.services.ssl.keystore.type': 'PEM',
        'listener.name.services.ssl.keystore.location': store,
        'listener.name.operator.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.operator.plain.sasl.jaas.config': login,
        'listener.name.controller.plain.sasl.jaas.config': login,
      }),
    },
  });
  await grantKafka(`127.0.0.1:${ports.operator}`, PREFIX);
}, 120_000);
afterEach(closeOpen);
afterAll(() => server.stop());

const services = () => Number(server.brokers.split(':')[1]);

/** Asks a listener for its topics; null if it answers. */
async function refusal(port: number, { tls, sasl }: { tls?: boolean; sasl?: SASLOptions }): Promise<string | null> {
  const admin = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 3_000,
    requestTimeout: 3_000,
    ...(tls && { ssl: { ca: [certificate] } }),
    ...(sasl && { sasl }),
  }).admin();
  try {
    await admin.connect();
    await admin.listTopics();
    return null;
  } catch (error) {
    return String(error);
  } finally {
    await admin.disconnect();
  }
}

describe('the listeners of Kafka', () => {
  it.each(['services', 'operator', 'controller'] as const)('refuse a client without credentials: %s', async (name) => {
    const port = name === 'services' ? services() : ports[name];
    for (const tls of [false, true]) expect(await refusal(port, { tls }), String(tls)).not.toBeNull();
  });

  it.each([
    [
      'the operator at that of the services, whose password would pass the network',
      true,
      'plain',
      kafkaOperator,
      false,
    ],
    ['a service at that of the operator', false, 'scram-sha-512', kafkaUser('gateway'), false],
    [
      'a service that does as if it were the operator',
      false,
      'plain',
      { ...kafkaUser('gateway'), username: 'tollgate' },
      false,
    ],
    ['the operator at its own', false, 'plain', kafkaOperator, true],
    ['a service at that of the services', true, 'scram-sha-512', kafkaUser('gateway'), true],
    ['a service at that of the services without TLS', false, 'scram-sha-512', kafkaUser('gateway'), null],
  ] as const)('take whom they are for: %s', async (_who, tls, mechanism, user, taken) => {
    const port = tls || taken === null ? services() : ports.operator;
    const refused = await refusal(port, { tls, sasl: { mechanism, ...user } as SASLOptions });
    expect(refused === null, refused ?? 'taken').toBe(taken === true);
  });
});

describe('Kafka over TLS', () => {
  const connection = (tls: KafkaConnection['tls']): KafkaConnection => ({
    brokers: [server.brokers],
    clientId: 'listeners',
    topicPrefix: PREFIX,
    user: kafkaUser('gateway'),
    ...(tls && { tls }),
  });

  it('carries what a service publishes where the authority is named', async () => {
    const bus = kafkaBus(connection({ ca: certificate }));
    open.push(bus);
    await bus.publisher.publish(USAGE_RECORDED_V2, [message('a', 1)]);
    expect(bus.publishing).toBe(true);
  });

  it.each([
    ['an authority that nobody knows', {}],
    ['no TLS at all', undefined],
  ] as const)('carries nothing with %s', async (_what, tls) => {
    const bus = kafkaBus(connection(tls));
    open.push(bus);
    await expect(bus.publisher.publish(USAGE_RECORDED_V2, [message('a', 1)])).rejects.toThrow();
    expect(bus.publishing).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { kafkaConnection, type KafkaEnvironment } from './connection-of.js';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const plain: KafkaEnvironment = { KAFKA_BROKERS: ['k:1'], KAFKA_TOPIC_PREFIX: 'p-', KAFKA_TLS: false };

describe('how a process connects to Kafka', () => {
  it('is without a name where none is set, as with the release before', () => {
    expect(kafkaConnection(plain, 'gateway')).toEqual({ brokers: ['k:1'], clientId: 'gateway', topicPrefix: 'p-' });
  });

  it('is as a user, over TLS, with an authority of its own', () => {
    const signedIn = { ...plain, KAFKA_USERNAME: 'gateway', KAFKA_PASSWORD: ' any "characters"=,\\' };
    expect(kafkaConnection(signedIn, 'gateway')).toMatchObject({
      user: { username: 'gateway', password: signedIn.KAFKA_PASSWORD },
    });
    expect(kafkaConnection({ ...plain, KAFKA_TLS: true }, 'gateway')).toMatchObject({ tls: {} });
    expect(kafkaConnection({ ...plain, KAFKA_TLS: true, KAFKA_CA_FILE: { pem: PEM } }, 'gateway')).toMatchObject({
      tls: { ca: PEM },
    });
  });

  it.each<[string, Partial<KafkaEnvironment>, RegExp]>([
    [
      'a name without a password',
      { KAFKA_USERNAME: 'gateway' },
      /^KAFKA_PASSWORD: is not set, though KAFKA_USERNAME is/,
    ],
    [
      'a password without a name',
      { KAFKA_PASSWORD: 'hunter2' },
      /^KAFKA_USERNAME: is not set, though KAFKA_PASSWORD is/,
    ],
    ['an authority without TLS', { KAFKA_CA_FILE: { pem: PEM } }, /^KAFKA_CA_FILE: is set, though KAFKA_TLS/],
  ])('is refused in one line with %s', (_what, environment, message) => {
    const connect = () => kafkaConnection({ ...plain, ...environment }, 'gateway');
    expect(connect).toThrow(message);
    expect(connect).not.toThrow(/hunter2|\n/);
  });
});

import { KafkaJSNonRetriableError, KafkaJSProtocolError, KafkaJSSASLAuthenticationError } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { explained, KafkaRightMissing, KafkaSignInRefused } from './refusals.js';

const user = { username: 'gateway', password: 'hunter2' };
const right = { operation: 'Write', resource: 'topic t' } as const;
const refused = (type: string) =>
  new KafkaJSProtocolError({ type, code: 29, message: 'no', retriable: false } as never);
// Its types have no arguments.
const signInFailed = (message: string) =>
  new (KafkaJSSASLAuthenticationError as unknown as new (message: string) => Error)(message);
const wrapped = (cause: Error) => Object.assign(new KafkaJSNonRetriableError(cause.message), { cause });

describe('an error of kafkajs', () => {
  it.each(['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'])(
    'about a right names who was refused what: %s',
    (type) => {
      for (const error of [refused(type), wrapped(refused(type)), wrapped(wrapped(refused(type)))]) {
        const told = explained(error, { user }, right) as KafkaRightMissing;
        expect(told).toBeInstanceOf(KafkaRightMissing);
        expect(told.message).toMatch(/^Kafka does not allow User:gateway the operation Write on topic t: /);
        expect(explained(told, { user }, { operation: 'Read', resource: 'group g' })).toBe(told);
      }
      const anonymous = explained(refused(type), {}, right) as KafkaRightMissing;
      expect(anonymous.principal).toBe('User:ANONYMOUS');
    },
  );

  it.each([
    [
      'Authentication failed during authentication due to invalid credentials',
      /does not accept gateway with this password/,
    ],
    ['Request SaslAuthenticate(key: 36, version: 1) timed out', /did not answer in time when gateway signed in/],
    ['SASL SCRAM-SHA-512 mechanism is not supported by the server', /does not offer SCRAM-SHA-512/],
  ])('about signing in says what to do: %s', (message, said) => {
    for (const error of [signInFailed(message), wrapped(signInFailed(message))]) {
      const told = explained(error, { user }, right) as KafkaSignInRefused;
      expect(told).toBeInstanceOf(KafkaSignInRefused);
      expect(told.message).toMatch(said);
      expect(told.message).not.toContain(user.password);
    }
  });

  it('about anything else is left as it is', () => {
    for (const error of [new Error('connect ECONNREFUSED'), refused('LEADER_NOT_AVAILABLE'), null, 'text'])
      expect(explained(error, { user }, right)).toBe(error);
  });
});

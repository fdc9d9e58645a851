import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentFields, EnvironmentError, readEnvironment } from './environment.js';

const schema = z.object({
  TOLLGATE_PORT: environmentFields.port,
  TOLLGATE_PEPPER: environmentFields.pepper,
  TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret,
  DATABASE_URL: environmentFields.postgresUrl,
  KAFKA_BROKERS: environmentFields.kafkaBrokers,
  INIT_OWNER_EMAIL: environmentFields.emailAddress.default('owner@localhost'),
});
const good = {
  TOLLGATE_PORT: '8080',
  TOLLGATE_PEPPER: 'p'.repeat(16),
  TOLLGATE_ADMIN_SECRET: 'a'.repeat(16),
  DATABASE_URL: 'postgres://localhost/tollgate',
  KAFKA_BROKERS: 'one:9092, two:9092',
  PATH: '/bin',
};

describe('the environment of a process', () => {
  it('is read by name, with what is not set or empty as its default', () => {
    expect(readEnvironment(schema, { ...good, INIT_OWNER_EMAIL: '' })).toEqual({
      TOLLGATE_PORT: 8080,
      TOLLGATE_PEPPER: good.TOLLGATE_PEPPER,
      TOLLGATE_ADMIN_SECRET: good.TOLLGATE_ADMIN_SECRET,
      DATABASE_URL: good.DATABASE_URL,
      KAFKA_BROKERS: ['one:9092', 'two:9092'],
      INIT_OWNER_EMAIL: 'owner@localhost',
    });
  });

  // A header carries them as bytes that no two HTTP libraries read alike: the secret would never match.
  it.each([
    'pässword-pässword',
    'пароль-пароль-пароль',
    'sixteen\u00a0characters',
    'sixteen characters',
    'sixteen\u0007characters',
    '密'.repeat(16),
  ])('is refused where a secret for a header is no visible ASCII: %j', (secret) => {
    expect(() => readEnvironment(schema, { ...good, TOLLGATE_ADMIN_SECRET: secret })).toThrow(
      'TOLLGATE_ADMIN_SECRET must have visible ASCII characters alone',
    );
  });

  it('is refused with every variable at fault, and none of their values', () => {
    const bad = {
      TOLLGATE_PORT: '99999',
      TOLLGATE_PEPPER: 'short secret',
      DATABASE_URL: 'mysql://user:hunter2@localhost',
      INIT_OWNER_EMAIL: 'nobody',
    };
    const error = (() => {
      try {
        return readEnvironment(schema, bad);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(EnvironmentError);
    const { message } = error as EnvironmentError;
    for (const name of [
      'TOLLGATE_PORT must be a port',
      'TOLLGATE_PEPPER must have at least 16 characters',
      'DATABASE_URL must be a URL of postgres:// or postgresql://',
      'KAFKA_BROKERS is required',
      'INIT_OWNER_EMAIL must be',
    ])
      expect(message).toContain(name);
    for (const value of Object.values(bad)) expect(message).not.toContain(value);
  });
});

describe('the days for which usage is kept', () => {
  const kept = z.object({
    TOLLGATE_USAGE_MINUTE_DAYS: environmentFields.usageMinuteDays,
    TOLLGATE_USAGE_HOUR_DAYS: environmentFields.usageHourDays,
    TOLLGATE_USAGE_EVENT_MONTHS: environmentFields.usageEventMonths,
  });
  const read = (given: Record<string, string>) => readEnvironment(kept, given);

  it('are 14 and 400 where they are not set or empty, and events are kept for good', () => {
    const usual = { TOLLGATE_USAGE_MINUTE_DAYS: 14, TOLLGATE_USAGE_HOUR_DAYS: 400 };
    expect(read({})).toEqual(usual);
    expect(read({ TOLLGATE_USAGE_MINUTE_DAYS: '', TOLLGATE_USAGE_HOUR_DAYS: '' })).toEqual(usual);
    expect(read({ TOLLGATE_USAGE_MINUTE_DAYS: '400', TOLLGATE_USAGE_HOUR_DAYS: '3660' })).toEqual({
      TOLLGATE_USAGE_MINUTE_DAYS: 400,
      TOLLGATE_USAGE_HOUR_DAYS: 3_660,
    });
  });

  it.each([
    ['TOLLGATE_USAGE_MINUTE_DAYS', '0', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', '401', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', '-1', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', '14.5', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', '1e2', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', ' 14', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', '14 days', '1 to 400'],
    ['TOLLGATE_USAGE_MINUTE_DAYS', '٣', '1 to 400'],
    ['TOLLGATE_USAGE_HOUR_DAYS', '31', '32 to 3660'],
    ['TOLLGATE_USAGE_HOUR_DAYS', '3661', '32 to 3660'],
    ['TOLLGATE_USAGE_HOUR_DAYS', '99999999999999999999', '32 to 3660'],
    ['TOLLGATE_USAGE_HOUR_DAYS', 'forever', '32 to 3660'],
    ['TOLLGATE_USAGE_EVENT_MONTHS', '25', '1 to 24'],
  ])('are refused by name: %s=%j', (name, value, bounds) => {
    expect(() => read({ [name]: value })).toThrow(
      new RegExp(`${name} must be a whole number (of months )?from ${bounds}`),
    );
  });
});

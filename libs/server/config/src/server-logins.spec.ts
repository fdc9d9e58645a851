import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentFields, readEnvironment } from './environment.js';

const schema = z.object({
  DATABASE_URL: environmentFields.postgresUrl,
  DATABASE_PASSWORD: environmentFields.password.optional(),
  DATABASE_MIGRATION_URL: environmentFields.postgresUrl.optional(),
  DATABASE_MIGRATION_PASSWORD: environmentFields.password.optional(),
  DATABASE_CA_FILE: environmentFields.caFile.optional(),
  REDIS_URL: environmentFields.redisUrl.optional(),
  REDIS_PASSWORD: environmentFields.password.optional(),
  REDIS_CA_FILE: environmentFields.caFile.optional(),
  SMTP_URL: environmentFields.smtpUrl.optional(),
  SMTP_PASSWORD: environmentFields.password.optional(),
});
const DATABASE_URL = 'postgres://tollgate_keys@postgres:5432/tollgate';
const read = (given: Record<string, string>) => readEnvironment(schema, { DATABASE_URL, ...given });

const folder = mkdtempSync(join(tmpdir(), 'tollgate-ca-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (content: string): string => {
  const path = join(folder, `${Math.random()}.pem`);
  writeFileSync(path, content);
  return path;
};
/** The certificate of an authority that was made for this spec, and whose key nobody has. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAT+gAwIBAgIUSKz9kfFoDE0UYdtzg2lm163q2+cwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWYW4gYXV0aG9yaXR5IG9mIGEgc3BlYzAgFw0yNjExMzAwMzQ4
NTZaGA8yMTI2MTEwNjAzNDg1NlowITEfMB0GA1UEAwwWYW4gYXV0aG9yaXR5IG9m
IGEgc3BlYzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABK2MDghq9uTuXEhOWnxV
lw3adbF2Ij3bWSckoavJgJ+MF2iXZQQe0nyzQqezOkMcvMVdTiD9pOS/WXUrhBFu
xXGjUzBRMB0GA1UdDgQWBBTeP2Iw2obEkYoPEiQj0u8rAafSHzAfBgNVHSMEGDAW
gBTeP2Iw2obEkYoPEiQj0u8rAafSHzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0kAMEYCIQDEmWJk+fo1vCat4L83JCcMOLp4ZbQ8FsbxiQOF/rwIyAIhAL2I
stJoQTvPYnNyD+8wWUr8nwRMSc8D7+D9uPsNLRS+
-----END CERTIFICATE-----
`;

describe('a password apart from its URL', () => {
  it.each(['@', '#', '?', '/', '%', ':', '%40', 'a b', '"\'`\\', '+&=', 'пароль-密-ß', 'x'.repeat(500)])(
    'comes into it so that it is read as it was: %s',
    (part) => {
      const password = `before${part}after`;
      const {
        DATABASE_URL: url,
        REDIS_URL: redis,
        SMTP_URL: smtp,
      } = read({
        DATABASE_PASSWORD: password,
        REDIS_URL: 'redis://gateway@redis:6379/0',
        REDIS_PASSWORD: password,
        SMTP_URL: 'smtps://me%40example.com@mail.example.com',
        SMTP_PASSWORD: password,
      });
      for (const each of [url, redis!, smtp!]) expect(decodeURIComponent(new URL(each).password)).toBe(password);
      expect(new URL(url).host).toBe('postgres:5432');
      expect([new URL(redis!).username, new URL(redis!).pathname]).toEqual(['gateway', '/0']);
      expect(decodeURIComponent(new URL(smtp!).username)).toBe('me@example.com');
    },
  );

  it('may be that of a Redis without a user, and leaves the other URLs as they are', () => {
    const { REDIS_URL, DATABASE_URL: url } = read({ REDIS_URL: 'redis://redis:6379', REDIS_PASSWORD: 'p@' });
    expect(REDIS_URL).toBe('redis://:p%40@redis:6379');
    expect(url).toBe(DATABASE_URL);
  });

  it.each([
    [
      { DATABASE_URL: 'postgres://u:one-word@h/d', DATABASE_PASSWORD: 'other-word' },
      'DATABASE_URL has a password, and',
    ],
    [
      { DATABASE_URL: 'postgres://u@h/d?password=one-word', DATABASE_PASSWORD: 'other-word' },
      'DATABASE_URL has a password, and DATABASE_PASSWORD is set too: leave one of them out',
    ],
    [{ DATABASE_URL: 'postgres://h/d', DATABASE_PASSWORD: 'other-word' }, 'DATABASE_URL must name the user'],
    [{ SMTP_URL: 'smtp://h', SMTP_PASSWORD: 'other-word' }, 'SMTP_URL must name the user'],
    [{ REDIS_PASSWORD: 'other-word' }, 'REDIS_PASSWORD is set, and REDIS_URL, which it is for, is not'],
    [{ DATABASE_MIGRATION_PASSWORD: 'other-word' }, 'DATABASE_MIGRATION_PASSWORD is set, and DATABASE_MIGRATION_URL'],
  ])('is refused where it is not clear what it is for: %j', (given, fault) => {
    expect(() => read(given as Record<string, string>)).toThrow(fault);
    expect(() => read(given as Record<string, string>)).not.toThrow(/one-word|other-word/);
  });
});

describe('a password in a URL', () => {
  it('works percent-encoded, as it did', () => {
    const url = 'postgres://u:p%40%23%3F%2F%25%3A@h:5432/d';
    expect(read({ DATABASE_URL: url }).DATABASE_URL).toBe(url);
  });

  // Each of these would be a URL of another host, or of a part of the password.
  it.each([
    'postgres://u:hunter22/x@h/d',
    'postgres://u:22/hunter22@h/d',
    'postgres://u:22?hunter22@h/d',
    'postgres://u:22#hunter22@h/d',
    'postgres://u:hunter22%zz@h/d',
    'postgres://u:hunter22%@h/d',
    'postgres://u:hunter22@h:port/d',
    'hunter22',
  ])('is refused without being printed where it cannot be read: %s', (url) => {
    const message = (() => {
      try {
        read({ DATABASE_URL: url });
      } catch (error) {
        return (error as Error).message;
      }
      return 'it was taken';
    })();
    expect(message).toContain('DATABASE_URL must be a URL');
    expect(message).not.toContain('hunter22');
  });

  it('does not forbid a query', () => {
    for (const url of ['postgres://u@h/d?sslmode=require&user=a@b', 'postgres://u@h/d?options=-c%20x%3D1'])
      expect(read({ DATABASE_URL: url }).DATABASE_URL).toBe(url);
  });
});

describe('the file of an authority', () => {
  it('makes PostgreSQL be checked, certificate and host, by whichever URL', () => {
    const path = fileOf(CERTIFICATE);
    const given = read({
      DATABASE_URL: `${DATABASE_URL}?sslmode=require`,
      DATABASE_MIGRATION_URL: 'postgres://tollgate@postgres/tollgate',
      DATABASE_CA_FILE: path,
    });
    for (const url of [given.DATABASE_URL, given.DATABASE_MIGRATION_URL!]) {
      const { searchParams } = new URL(url);
      expect([searchParams.getAll('sslmode'), searchParams.get('sslrootcert')]).toEqual([['verify-full'], path]);
    }
    expect(given.DATABASE_CA_FILE).toEqual({ path, pem: CERTIFICATE });
  });

  it.each(['sslmode=disable', 'sslmode=no-verify', 'ssl=0', 'uselibpqcompat=true', 'sslrootcert=/other.pem'])(
    'is refused beside a URL that says otherwise: %s',
    (query) => {
      const [name] = query.startsWith('sslrootcert') ? ['sslrootcert'] : [query];
      expect(() => read({ DATABASE_URL: `${DATABASE_URL}?${query}`, DATABASE_CA_FILE: fileOf(CERTIFICATE) })).toThrow(
        `DATABASE_URL has ${name}, which contradicts DATABASE_CA_FILE: leave one of them out`,
      );
    },
  );

  it('is refused for a Redis without TLS', () => {
    expect(() => read({ REDIS_URL: 'redis://redis', REDIS_CA_FILE: fileOf(CERTIFICATE) })).toThrow(
      'REDIS_URL must begin with rediss:// beside REDIS_CA_FILE',
    );
  });

  it('is refused where it is missing, a folder, or has no certificate that can be read', () => {
    const broken = CERTIFICATE.replace(/^M.*$/m, 'AAAA');
    for (const path of [join(folder, 'nowhere'), folder, fileOf(''), fileOf('certificate'), fileOf(broken)])
      expect(() => read({ DATABASE_CA_FILE: path })).toThrow(
        'DATABASE_CA_FILE must name a file that can be read, with certificates in PEM form',
      );
  });
});

it('is no environment to start in where TLS checks nothing', () => {
  const message = /NODE_TLS_REJECT_UNAUTHORIZED must not be 0: .*DATABASE_CA_FILE, REDIS_CA_FILE, KAFKA_CA_FILE/;
  expect(() => read({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toThrow(message);
  for (const harmless of ['1', '']) read({ NODE_TLS_REJECT_UNAUTHORIZED: harmless });
});

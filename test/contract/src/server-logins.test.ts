import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { readEnvironment } from '@tollgate/config';
import {
  newAuthority,
  startPostgres,
  startRedis,
  tempFolder,
  type CertificateAuthority,
  type PostgresServer,
  type RedisServer,
} from '@tollgate/infra';
import { keyManagementEnvironment } from '@tollgate/key-management';
import { smtpMailSender } from '@tollgate/mail';
import { openDatabase } from '@tollgate/postgres';
import { connectRedis, storeKnown } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Everything that has a meaning somewhere in a URL, in a shell, in SQL or in Redis' protocol. */
const PASSWORDS = [
  'at@sign',
  'hash#sign',
  'question?mark',
  'a/slash',
  'percent%sign',
  'percent%40encoded',
  'a:colon',
  'two words',
  '"quotes\' and `ticks`',
  'back\\slash',
  '+plus&and=equals',
  'пароль-密码-ß-é',
  '~'.repeat(200),
];

const schema = keyManagementEnvironment
  .pick({ DATABASE_URL: true, DATABASE_PASSWORD: true, DATABASE_CA_FILE: true })
  .extend(keyManagementEnvironment.pick({ REDIS_URL: true, REDIS_PASSWORD: true, REDIS_CA_FILE: true }).partial().shape)
  .extend(keyManagementEnvironment.pick({ SMTP_URL: true, SMTP_PASSWORD: true, SMTP_CA_FILE: true }).shape);
type Given = Readonly<Record<string, string | undefined>>;
const read = (given: Given) => readEnvironment(schema, { DATABASE_URL: 'postgres://nobody@127.0.0.1/none', ...given });

let postgres: PostgresServer;
let redis: RedisServer;
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
const folder = tempFolder('tollgate-logins');

async function administrator<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Writes a file into the data folder of the server, which may be another machine's or a container's. */
async function writeOnServer(client: Client, file: string, content: string): Promise<void> {
  const program = `umask 077; base64 -d > ${file}`;
  await client.query(
    `COPY (SELECT '${Buffer.from(content).toString('base64')}') TO PROGRAM '${program.replaceAll("'", "''")}'`,
  );
}

beforeAll(async () => {
  [postgres, redis, authority, stranger] = await Promise.all([
    startPostgres(),
    startRedis(),
    newAuthority('the authority of the test'),
    newAuthority('another authority'),
  ]);
  const { certificateFile, keyFile } = await authority.issue({ dns: ['localhost'], ip: ['::1'] });
  await administrator(async (client) => {
    await writeOnServer(client, 'server-of-test.pem', readFileSync(certificateFile, 'utf8'));
    await writeOnServer(client, 'server-of-test.key', readFileSync(keyFile, 'utf8'));
    await writeOnServer(
      client,
      'pg_hba.conf',
      'host all with_password all scram-sha-256\nhostssl all with_tls all trust\nhost all with_tls all reject\nhost all all all trust\n',
    );
    await client.query(`ALTER SYSTEM SET ssl_cert_file = 'server-of-test.pem'`);
    await client.query(`ALTER SYSTEM SET ssl_key_file = 'server-of-test.key'`);
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('CREATE ROLE with_password LOGIN');
    await client.query('CREATE ROLE with_tls LOGIN');
    await client.query('SELECT pg_reload_conf()');
  });
});
afterAll(async () => {
  await postgres?.stop();
  await redis?.stop();
});

const urlFor = (user: string, host = 'localhost'): string => {
  const { port } = new URL(postgres.url);
  return `postgres://${user}@${host}:${port}/postgres`;
};
const postgresAnswer = async (given: Given): Promise<string> => {
  const { DATABASE_URL } = read(given);
  const database = await openDatabase({ url: DATABASE_URL, poolSize: 1, applicationName: 'logins' });
  try {
    const [row] = await database.dataSource.query<{ user: string }[]>('SELECT current_user AS user');
    return row!.user;
  } finally {
    await database.close();
  }
};

describe('PostgreSQL', () => {
  it.each(PASSWORDS)('is logged in to with a password of any characters: %s', async (password) => {
    await administrator((client) =>
      client.query(`ALTER ROLE with_password PASSWORD ${client.escapeLiteral(password)}`),
    );
    const passwordFile = join(folder, 'postgres-password');
    writeFileSync(passwordFile, `${password}\n`);
    const DATABASE_URL = urlFor('with_password');
    const encoded = DATABASE_URL.replace('@', `:${encodeURIComponent(password)}@`);
    for (const given of [
      { DATABASE_URL, DATABASE_PASSWORD: password },
      { DATABASE_URL, DATABASE_PASSWORD_FILE: passwordFile },
      { DATABASE_URL: encoded },
    ])
      expect(await postgresAnswer(given)).toBe('with_password');
    await expect(postgresAnswer({ DATABASE_URL, DATABASE_PASSWORD: `${password}!` })).rejects.toThrow(
      'password authentication failed',
    );
  });

  it('is reached over TLS if its certificate is of the authority that is named, and not if it is of another', async () => {
    const DATABASE_URL = urlFor('with_tls');
    expect(await postgresAnswer({ DATABASE_URL, DATABASE_CA_FILE: authority.file })).toBe('with_tls');
    await expect(postgresAnswer({ DATABASE_URL, DATABASE_CA_FILE: stranger.file })).rejects.toThrow(/certificate/);
    await expect(postgresAnswer({ DATABASE_URL: `${DATABASE_URL}?sslmode=require` })).rejects.toThrow(/certificate/);
    await expect(postgresAnswer({ DATABASE_URL })).rejects.toThrow('pg_hba.conf rejects connection');
  });

  it('is not reached by a name that its certificate does not have', async () => {
    await expect(
      postgresAnswer({ DATABASE_URL: urlFor('with_tls', '127.0.0.1'), DATABASE_CA_FILE: authority.file }),
    ).rejects.toThrow(/does not match certificate|altnames/);
  });
});

describe('Redis', () => {
  const connected = async (given: Given): Promise<string> => {
    const { REDIS_URL, REDIS_CA_FILE } = read(given);
    const troubles: string[] = [];
    const connection = connectRedis({
      url: REDIS_URL!,
      ca: REDIS_CA_FILE?.pem,
      name: 'logins',
      onTrouble: (trouble) => troubles.push(JSON.stringify(trouble)),
    });
    try {
      await storeKnown(connection, 3_000);
      return String(await connection.client.call('ACL', 'WHOAMI'));
    } catch (error) {
      throw new Error(`${String(error)} ${troubles.join(' ')}`);
    } finally {
      await connection.close();
    }
  };
  /** Redis as it is with TLS: what comes over TLS is passed on to it. */
  const overTls = async (names: Parameters<CertificateAuthority['issue']>[0]) => {
    const { certificateFile, keyFile } = await authority.issue(names);
    const server = createServer({ cert: readFileSync(certificateFile), key: readFileSync(keyFile) }, (socket) => {
      const upstream = createConnection(Number(new URL(redis.url).port), '127.0.0.1');
      for (const each of [socket, upstream])
        each.on('error', () => undefined).on('close', () => [socket, upstream].forEach((other) => other.destroy()));
      socket.pipe(upstream).pipe(socket);
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return { port: (server.address() as AddressInfo).port, stop: () => void server.close() };
  };

  it.each(PASSWORDS)('is logged in to with a password of any characters: %s', async (password) => {
    const admin = new Redis(redis.url);
    await admin.call('ACL', 'SETUSER', 'gateway', 'reset', 'on', `>${password}`, '~*', '+@all');
    await admin.quit();
    const REDIS_URL = redis.url.replace('redis://', 'redis://gateway@');
    expect(await connected({ REDIS_URL, REDIS_PASSWORD: password })).toBe('gateway');
    const encoded = REDIS_URL.replace('@', `:${encodeURIComponent(password)}@`);
    expect(await connected({ REDIS_URL: encoded })).toBe('gateway');
  });

  it('is reached over TLS if its certificate is of the authority that is named, and not if it is of another', async () => {
    const front = await overTls({ dns: ['localhost'] });
    try {
      const REDIS_URL = `rediss://localhost:${front.port}`;
      expect(await connected({ REDIS_URL, REDIS_CA_FILE: authority.file })).toBe('default');
      for (const given of [{ REDIS_URL, REDIS_CA_FILE: stranger.file }, { REDIS_URL }])
        await expect(connected(given)).rejects.toThrow(/certificate/);
      const byAddress = { REDIS_URL: `rediss://127.0.0.1:${front.port}`, REDIS_CA_FILE: authority.file };
      await expect(connected(byAddress)).rejects.toThrow(/does not match certificate|altnames/);
    } finally {
      front.stop();
    }
  });
});

describe('a mail server', () => {
  const FROM = 'Tollgate <tollgate@example.com>';
  const serverOf = async (secure: boolean, hidesTls = false) => {
    const { certificateFile, keyFile } = await authority.issue({ dns: ['localhost'] });
    const logins: { user: string; password: string }[] = [];
    const server = new SMTPServer({
      secure,
      key: readFileSync(keyFile),
      cert: readFileSync(certificateFile),
      logger: false,
      hideSTARTTLS: hidesTls,
      ...(hidesTls && { disabledCommands: ['STARTTLS'], allowInsecureAuth: true }),
      onAuth: ({ username, password }, _session, done) => {
        logins.push({ user: username ?? '', password: password ?? '' });
        done(null, { user: username ?? '' });
      },
      onData: (stream, _session, done) => stream.resume().on('end', () => done()),
    });
    server.on('error', () => undefined);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.server.address() as AddressInfo;
    return { port, logins, stop: () => new Promise<void>((stopped) => server.close(stopped)) };
  };
  const send = async (given: Given): Promise<void> => {
    const { SMTP_URL, SMTP_CA_FILE } = read(given);
    const sender = smtpMailSender({ url: SMTP_URL!, ca: SMTP_CA_FILE?.pem, from: FROM, timeoutMs: 30_000 });
    try {
      await sender.send({ id: 'leak-1', to: ['owner@example.org'], subject: 'A subject', text: 'A text.\n' });
    } finally {
      await sender.close();
    }
  };

  it.each([
    ['smtps', true],
    ['smtp', false],
  ] as const)(
    'is spoken to by %s if its certificate is of the authority that is named, with any password, and not otherwise',
    async (scheme, secure) => {
      const { port, logins, stop } = await serverOf(secure);
      try {
        const SMTP_URL = `${scheme}://me%40example.com@localhost:${port}`;
        for (const password of PASSWORDS) {
          await send({ SMTP_URL, SMTP_PASSWORD: password, SMTP_CA_FILE: authority.file });
          expect(logins.pop()).toEqual({ user: 'me@example.com', password });
        }
        for (const wrong of [
          { SMTP_URL, SMTP_CA_FILE: stranger.file },
          { SMTP_URL },
          { SMTP_URL: SMTP_URL.replace('localhost', '127.0.0.1'), SMTP_CA_FILE: authority.file },
        ])
          await expect(send({ ...wrong, SMTP_PASSWORD: 'p' })).rejects.toThrow(/certificate|altnames/);
        expect(logins).toEqual([]);
      } finally {
        await stop();
      }
    },
  );

  it('gets no password without TLS once its authority is named', async () => {
    const { port, logins, stop } = await serverOf(false, true);
    try {
      const given = { SMTP_URL: `smtp://me@localhost:${port}`, SMTP_PASSWORD: 'p', SMTP_CA_FILE: authority.file };
      await expect(send(given)).rejects.toThrow(/STARTTLS|upgrading|TLS/);
      expect(logins).toEqual([]);
    } finally {
      await stop();
    }
  });
});

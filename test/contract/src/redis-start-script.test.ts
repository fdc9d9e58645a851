import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  freePort,
  redisProgram,
  runCommand,
  startProcess,
  tempFolder,
  waitUntil,
  type RunningProcess,
} from '@tollgate/infra';
import { connectRedis, storeKnown } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as formerAdmission from '../releases/2026-11-29-3/admission/index.js';
import * as formerSnapshots from '../releases/2026-11-29-3/key-snapshots/index.js';

const script = fileURLToPath(new URL('../../../deploy/redis/start-redis.sh', import.meta.url));
const command = fileURLToPath(new URL('../../../apps/key-management/dist/redis-users.js', import.meta.url));
const SERVICES = ['gateway', 'key-management', 'usage-billing'] as const;
/** What managed services make passwords of, and what a shell or a URL would take apart. */
const PASSWORDS: Readonly<Record<string, string>> = {
  gateway: `a'b"c$d\\e #%@:/?&*`,
  'key-management': 'plain',
  'usage-billing': ' spaces and ünïcode ',
  tollgate: 'operator',
};

let secrets: string;
let users: string;
let port: number;
let running: RunningProcess | null;
beforeEach(async () => {
  const folder = tempFolder('tollgate-redis-script');
  [secrets, users, port, running] = [join(folder, 'secrets'), join(folder, 'users'), await freePort(), null];
  for (const each of [secrets, users]) mkdirSync(each);
  for (const [user, password] of Object.entries(PASSWORDS)) give(user, `${password}\n`);
});
afterEach(async () => {
  await running?.stop(2_000);
});

const fileOf = (user: string): string => join(secrets, `redis_password_${user.replace('-', '_')}`);
const give = (user: string, content: string): void => writeFileSync(fileOf(user), content);
const environment = async (): Promise<NodeJS.ProcessEnv> => ({
  PATH: `${dirname(await redisProgram())}:/usr/bin:/bin`,
  REDIS_SECRETS_FOLDER: secrets,
  REDIS_USERS_FOLDER: users,
});
const run = async (...args: string[]) => runCommand('sh', [script, ...args], { env: await environment() });
async function start(): Promise<void> {
  running = await startProcess({
    name: 'Redis',
    command: 'sh',
    args: [script, '--port', String(port), '--bind', '127.0.0.1', '--dir', users],
    cwd: users,
    env: await environment(),
  });
  await waitUntil(() => answerTo('PING').then((answer) => answer.startsWith('NOAUTH')), { what: 'Redis to answer' });
}
const urlOf = (user: string, password: string): string => {
  const url = new URL(`redis://127.0.0.1:${port}`);
  [url.username, url.password] = [user, encodeURIComponent(password)];
  return url.href;
};
/** What a command is answered, also if it is refused. */
async function answerTo(name: string, user?: string, password = ''): Promise<string> {
  const client = new Redis(port, '127.0.0.1', {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    ...(user !== undefined && { username: user, password }),
  });
  client.on('error', () => undefined);
  try {
    return String(await client.call(name).catch((error: Error) => error.message));
  } finally {
    client.disconnect();
  }
}

describe('the script that starts Redis', () => {
  it('makes the users of the services and of the operator, and nobody else gets in', async () => {
    await start();
    for (const service of SERVICES) {
      const connection = connectRedis({
        url: urlOf(service, PASSWORDS[service]!),
        name: service,
        commandTimeoutMs: 10_000,
      });
      await storeKnown(connection, 30_000);
      await connection.close();
    }
    const operator = new Redis(urlOf('tollgate', 'operator'));
    expect(await operator.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await operator.config('GET', 'save')).toEqual(['save', '']);
    expect(await operator.config('GET', 'appendonly')).toEqual(['appendonly', 'no']);
    operator.disconnect();
    expect(await answerTo('PING')).toMatch(/^NOAUTH/);
    expect(await answerTo('PING', 'default', 'plain')).toMatch(/NOAUTH|WRONGPASS|Connection is closed/);
    expect(await answerTo('PING', 'gateway', 'plain')).toMatch(/NOAUTH|WRONGPASS|Connection is closed/);
  });

  it('tells no password to the process list, the environment or the file of users', async () => {
    await start();
    const { pid } = running!;
    const seen = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join();
    const written = readFileSync(join(users, 'users.acl'), 'utf8');
    for (const password of Object.values(PASSWORDS)) {
      expect(seen).not.toContain(password);
      if (password !== 'plain') expect(written).not.toContain(password);
    }
    expect(statSync(join(users, 'users.acl')).mode & 0o077).toBe(0);
  });

  it('may be run again: a new password counts once Redis has read the users again', async () => {
    await start();
    give('gateway', 'the new one');
    expect(await run('--only-users')).toMatchObject({ ok: true });
    expect(await answerTo('PING', 'gateway', 'the new one')).toMatch(/NOAUTH|WRONGPASS|Connection is closed/);
    const operator = new Redis(urlOf('tollgate', 'operator'));
    expect(await operator.call('ACL', 'LOAD')).toBe('OK');
    operator.disconnect();
    expect(await answerTo('PING', 'gateway', 'the new one')).toBe('PONG');
    expect(await answerTo('PING', 'usage-billing', PASSWORDS['usage-billing'])).toBe('PONG');
  });

  it.each<[string, () => void, RegExp]>([
    [
      'is missing',
      () => rmSync(fileOf('key-management')),
      /redis_password_key_management is missing: .* key-management/,
    ],
    ['is empty', () => give('gateway', ''), /redis_password_gateway is empty: .* user gateway/],
    ['has a new line alone', () => give('gateway', '\n'), /redis_password_gateway is empty/],
    [
      'is a folder',
      () => {
        rmSync(fileOf('usage-billing'));
        mkdirSync(fileOf('usage-billing'));
      },
      /redis_password_usage_billing cannot be read/,
    ],
    ['of the operator is empty', () => give('tollgate', ''), /redis_password_tollgate is empty/],
  ])(
    'refuses in one sentence where a password %s, and keeps the users that are there',
    async (_what, change, sentence) => {
      await run('--only-users');
      const before = readFileSync(join(users, 'users.acl'), 'utf8');
      change();
      for (const args of [['--only-users'], ['--port', String(port)]]) {
        const refused = await run(...args);
        expect(refused.ok).toBe(false);
        expect(refused.output.trim()).toMatch(sentence);
        expect(refused.output.trim().split('\n')).toHaveLength(1);
      }
      expect(readFileSync(join(users, 'users.acl'), 'utf8')).toBe(before);
    },
  );

  it('refuses in one sentence where the users cannot be written', async () => {
    rmSync(users, { recursive: true });
    const refused = await run('--only-users');
    expect(refused).toMatchObject({ ok: false });
    expect(refused.output.trim()).toMatch(/the folder .*users is missing/);
  });

  it('is one that may be run', () => {
    chmodSync(script, 0o755);
    expect(statSync(script).mode & 0o111).not.toBe(0);
  });
});

describe('the release before, which logs in as default', () => {
  it('does all that it does, and no more, as long as default has its password', async () => {
    give('default', 'of the former release');
    await start();
    const refusals = async (): Promise<number> => {
      const operator = new Redis(urlOf('tollgate', 'operator'));
      const info = await operator.info('errorstats');
      operator.disconnect();
      return Number(/errorstat_NOPERM:count=(\d+)/.exec(info)?.[1] ?? 0);
    };
    const redis = connectRedis({ url: urlOf('', 'of the former release'), name: 'former', commandTimeoutMs: 10_000 });
    await storeKnown(redis, 30_000);
    const before = await refusals();
    const [organizationId, requestId] = [randomUUID(), randomUUID()];
    const gateway = new formerAdmission.RedisAdmission(redis as never);
    const books = new formerAdmission.RedisAdmissionBooks(redis as never);
    await gateway.renewLease('i');
    const waitingFor = [{ journalId: 'j', instanceId: 'i' }];
    await books.openEpoch({ organizationId, epochId: 'e', posted: [], booked: [], waitingFor });
    await gateway.announce({ organizationId, journalId: 'j', holds: [], finals: [] });
    const item = {
      requestId,
      organizationId,
      apiKeyId: 'k',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 10n,
      accounts: [{ accountId: 'a', capNanoUsd: 100n }],
      rateLimits: { requestsPerMinute: 5, tokensPerMinute: 500, parallelRequests: 5 },
      tokens: 10,
    };
    expect(await gateway.reserve(item as never)).toMatchObject({ kind: 'admitted' });
    gateway.settle({ requestId, organizationId, chargeNanoUsd: 4n, tokens: 3 } as never);
    await gateway.drain();
    await gateway.confirmShipped(organizationId, 'l', 1, 'j');
    await books.leases();
    await books.organizations();
    await books.dropEndedCycles(organizationId);
    const writer = new formerSnapshots.RedisKeySnapshotWriter(redis as never);
    const dead = { apiKeyId: 'k', organizationId, version: 2, digests: ['ab'], state: 'revoked', reason: 'leaked' };
    await writer.write(dead as never);
    await writer.heartbeat();
    const reader = new formerSnapshots.RedisKeySnapshotReader(redis as never);
    expect((await reader.read('ab')).kind).not.toBe('absent');
    reader.follow({ changed: () => undefined, forget: () => undefined, gap: () => undefined });
    await waitUntil(() => writer.heartbeat().then(() => reader.ageMs() < 3_000), { what: 'a heartbeat' });
    await reader.close();
    expect(await refusals()).toBe(before);
    await expect(redis.client.flushall()).rejects.toThrow(/^NOPERM/);
    await redis.close();
  });
});

describe('the command that prints the users, for a Redis of somebody else', () => {
  const variable = (user: string): string => `REDIS_PASSWORD_${user.replace('-', '_').toUpperCase()}`;
  const print = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    runCommand(process.execPath, [command, ...args], { env: { PATH: process.env['PATH'], ...env } });
  const given = (): NodeJS.ProcessEnv => ({
    ...Object.fromEntries(SERVICES.map((service) => [variable(service), PASSWORDS[service]!])),
    [`${variable('tollgate')}_FILE`]: fileOf('tollgate'),
  });

  it('prints the same users as the script writes', async () => {
    await run('--only-users');
    const { ok, output } = await print(given());
    expect(ok).toBe(true);
    expect(output).toBe(readFileSync(join(users, 'users.acl'), 'utf8').trim());
  });

  it('prints commands for an administrator, who may be default, which can be run again', async () => {
    await start();
    const { output } = await print({ ...given(), [variable('gateway')]: 'changed' }, '--commands');
    for (let time = 0; time < 2; time++) {
      const operator = new Redis(urlOf('tollgate', 'operator'));
      for (const line of output.trim().split('\n')) {
        const [name, ...args] = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
        expect(await operator.call(name!, ...args)).toBe('OK');
      }
      operator.disconnect();
    }
    expect(await answerTo('PING', 'gateway', 'changed')).toBe('PONG');
    expect(await answerTo('PING', 'key-management', 'plain')).toBe('PONG');
  });

  it('refuses by name what is missing, and tells no password', async () => {
    const { [variable('gateway')]: _left, ...others } = given();
    const refused = await print(others);
    expect(refused.ok).toBe(false);
    expect(refused.output).toContain('REDIS_PASSWORD_GATEWAY');
    for (const password of Object.values(PASSWORDS)) expect(refused.output).not.toContain(password);
    expect(await print(given(), '--file')).toMatchObject({ ok: false });
  });
});

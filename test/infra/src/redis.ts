import { rmSync } from 'node:fs';
import { REDIS_SERVICES, redisUserArguments, type RedisService } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { findProgram } from './commands.js';
import { canInstallPackages, installPackage } from './debian.js';
import { tempFolder } from './folders.js';
import { startProcess } from './processes.js';
import {
  chooseInstallation,
  givenServer,
  startServer,
  untilGivenServerAnswers,
  type Installation,
  type ServerControls,
} from './server.js';

export interface RedisServer extends ServerControls {
  /** Logs in as `default`, who may do everything, for what a test itself looks at. */
  url: string;
}

/**
 * What the design asks of Redis: nothing on disk, and no eviction, so a restart is empty and nothing goes missing
 * meanwhile.
 */
const settings = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
const passwordOf = (service: RedisService): string => `password-of-${service}`;
const users = REDIS_SERVICES.flatMap((service) => redisUserArguments(service, passwordOf(service)));

/**
 * Redis: at REDIS_URL where that is set, else in Docker, else installed here (Debian's packages as root). A server
 * of its own takes 0.1 s, so a suite can have one for itself. `restart` empties it.
 */
export async function startRedis(): Promise<RedisServer> {
  const given = process.env['REDIS_URL'];
  if (given) return givenRedis(given);
  const installation = await chooseInstallation(
    (port) => ({
      name: 'Redis',
      image: 'redis:7',
      innerPort: 6379,
      port,
      args: ['redis-server', ...settings, ...users],
    }),
    installedRedis,
  );
  const urlAt = (port: number) => `redis://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'Redis',
    installation,
    answers: (port) => redisAnswers(urlAt(port)),
    readyWithinMs: 20_000,
    stopGraceMs: 2_000,
  });
  return { ...server, url: urlAt(server.port) };
}

/**
 * The URL by which a service logs in as itself: it may do no more there than in production. On a server that somebody
 * gave by REDIS_URL, whose users are its owner's business, it is the URL that was given.
 */
export function asRedisUser(redisUrl: string, service: RedisService): string {
  if (redisUrl === process.env['REDIS_URL']) return redisUrl;
  const url = new URL(redisUrl);
  [url.username, url.password] = [service, passwordOf(service)];
  return url.href;
}

async function givenRedis(url: string): Promise<RedisServer> {
  await untilGivenServerAnswers('Redis', 'REDIS_URL', () => redisAnswers(url));
  return { ...givenServer('Redis', 'REDIS_URL'), url };
}

async function installedRedis(): Promise<Installation> {
  const command = await redisProgram();
  const folder = tempFolder('tollgate-redis');
  return {
    launch: (port) =>
      startProcess({
        name: 'Redis',
        command,
        cwd: folder,
        args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...settings, ...users],
      }),
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The path of a `redis-server` of this machine, which is installed where that is possible. */
export async function redisProgram(): Promise<string> {
  const found = findProgram('redis-server');
  if (found) return found;
  if (canInstallPackages()) {
    await installPackage('redis-server');
    const installed = findProgram('redis-server');
    if (installed) return installed;
  }
  throw new Error(
    'Redis is missing. Install Redis 7 (Debian: apt-get install redis-server), or start Docker, or set REDIS_URL.',
  );
}

async function redisAnswers(url: string): Promise<boolean> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } finally {
    client.disconnect();
  }
}

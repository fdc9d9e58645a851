import { Redis } from 'ioredis';
import { isOfReplica, refusalOf, serverFault } from './refusal.js';
import { tellSometimes, troubleOf, type RedisTrouble } from './trouble.js';

/**
 * A Redis connection that fails fast: nothing is queued while it is down, and a command times out after
 * `commandTimeoutMs`. `storeId` is the `run_id` of the server, null while it is unknown. Data written under another
 * `run_id` (before a restart, a restore, a failover) must not be trusted.
 */
export interface RedisConnection {
  readonly client: Redis;
  storeId(): string | null;
  /** Calls the listener after each connection and reconnection, once the `run_id` is known. */
  onStore(listener: (storeId: string) => void): void;
  /** The last trouble of this connection while `storeId` is null; null if there was none. */
  trouble(): RedisTrouble | null;
  /** How much of its memory the server uses. Rejects if it is unreachable. */
  memory(): Promise<RedisMemory>;
  /** A second connection for blocking reads, to the same server. */
  duplicate(): RedisConnection;
  close(): Promise<void>;
}

/** The memory of a server in bytes. It refuses what is new once it uses all. */
export interface RedisMemory {
  readonly usedBytes: number;
  /** Null if it has no limit, so that the machine ends it some time. */
  readonly maxBytes: number | null;
}

/** Which server to connect to, and how failures are told. */
export interface RedisOptions {
  readonly url: string;
  /** Certificates in PEM form that the server's is checked against, with `rediss://`; undefined for the public ones. */
  readonly ca?: string | undefined;
  readonly name: string;
  /** Milliseconds before a command without an answer fails; 0 for blocking reads. */
  readonly commandTimeoutMs?: number;
  /**
   * Called with the reason if Redis is unreachable, cannot be used, or refuses a command for want of a right: at once,
   * then at most every 10 s, for this connection and its duplicates together.
   */
  readonly onTrouble?: (trouble: RedisTrouble) => void;
}

const RECONNECT_DELAY_MS_MAX = 500;
/** After this time a server that answers, but is of no use, is asked again by its name: it may be another one then. */
const LOOK_AGAIN_MS = 500;

/** Opens a connection; it reconnects by itself until it is closed. */
export function connectRedis(options: RedisOptions): RedisConnection {
  return connect(
    options,
    tellSometimes((trouble) => options.onTrouble?.(trouble)),
  );
}

function connect(options: RedisOptions, tell: (error: Error) => void): RedisConnection {
  const timeout = options.commandTimeoutMs ?? 1_000;
  const user = userOf(options.url);
  let lastFailure: Error | null = null;
  const failed = (error: Error): void => {
    lastFailure = refusalOf(error, user) ?? error;
    tell(lastFailure);
  };
  const client = new Redis(options.url, {
    connectionName: options.name,
    ...(options.ca !== undefined && { tls: { ca: options.ca } }),
    // Redis before 7.2 does not know it, and our users have no right to it.
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    noDelay: true,
    connectTimeout: 2_000,
    ...(timeout > 0 ? { commandTimeout: timeout } : {}),
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_DELAY_MS_MAX),
    // Called for each error that Redis replies with. Whether it returns true decides if the connection is closed and
    // opened again, by the name of the server: one that takes no writes any more has been replaced by another.
    reconnectOnError: (error) => {
      const isNoMaster = isOfReplica(error);
      if (isNoMaster || refusalOf(error, user) !== null) failed(error);
      return isNoMaster;
    },
  });
  let storeId: string | null = null;
  const listeners: ((storeId: string) => void)[] = [];
  client.on('error', failed);
  client.on('close', () => {
    storeId = null;
  });
  const unusable = (error: Error): void => {
    failed(error);
    setTimeout(() => {
      if (storeId === null && client.status === 'ready') client.disconnect(true);
    }, LOOK_AGAIN_MS).unref();
  };
  client.on('ready', () => {
    void client.info().then((info) => {
      const fault = serverFault(info);
      if (fault !== null) return unusable(fault);
      storeId = /run_id:(\w+)/.exec(info)![1]!;
      lastFailure = null;
      for (const listener of listeners) listener(storeId);
    }, unusable);
  });
  return {
    client,
    storeId: () => storeId,
    onStore: (listener) => {
      listeners.push(listener);
      if (storeId !== null) listener(storeId);
    },
    trouble: () => (storeId === null && lastFailure !== null ? troubleOf(lastFailure) : null),
    memory: async () => {
      const info = await client.info('memory');
      const bytes = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
      return { usedBytes: bytes('used_memory'), maxBytes: bytes('maxmemory') || null };
    },
    duplicate: () => connect({ ...options, commandTimeoutMs: 0 }, tell),
    close: async () => {
      client.disconnect();
      await Promise.resolve();
    },
  };
}

/** Who logs in by a URL: the user that it names, else `default`. */
function userOf(url: string): string {
  const { username } = new URL(url);
  return username === '' ? 'default' : decodeURIComponent(username);
}

/** Resolves with the store id once it is known; rejects after `timeoutMs`. */
export function storeKnown(connection: RedisConnection, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const trouble = connection.trouble();
      const why = trouble === null ? '' : `: ${trouble.message}`;
      reject(new Error(`Redis did not answer within ${timeoutMs} ms${why}`));
    }, timeoutMs);
    connection.onStore((storeId) => {
      clearTimeout(timer);
      resolve(storeId);
    });
  });
}

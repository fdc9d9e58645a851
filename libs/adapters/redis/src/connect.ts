import { Redis } from 'ioredis';
import { tellSometimes, type RedisTrouble } from './trouble.js';

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
  /** A second connection for blocking reads, to the same server. */
  duplicate(): RedisConnection;
  close(): Promise<void>;
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
   * Called with the reason if Redis is unreachable: at once, then at most every 10 s, for this connection and its
   * duplicates together.
   */
  readonly onTrouble?: (trouble: RedisTrouble) => void;
}

const RECONNECT_DELAY_MS_MAX = 500;

/** Opens a connection; it reconnects by itself until it is closed. */
export function connectRedis(options: RedisOptions): RedisConnection {
  return connect(
    options,
    tellSometimes((trouble) => options.onTrouble?.(trouble)),
  );
}

function connect(options: RedisOptions, failed: (error: Error) => void): RedisConnection {
  const timeout = options.commandTimeoutMs ?? 1_000;
  const client = new Redis(options.url, {
    connectionName: options.name,
    ...(options.ca !== undefined && { tls: { ca: options.ca } }),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    noDelay: true,
    connectTimeout: 2_000,
    ...(timeout > 0 ? { commandTimeout: timeout } : {}),
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_DELAY_MS_MAX),
  });
  let storeId: string | null = null;
  const listeners: ((storeId: string) => void)[] = [];
  client.on('error', failed);
  client.on('close', () => {
    storeId = null;
  });
  client.on('ready', () => {
    void client.info('server').then(
      (info) => {
        storeId = /run_id:(\w+)/.exec(info)?.[1] ?? null;
        if (storeId === null) return client.disconnect(true);
        for (const listener of listeners) listener(storeId);
      },
      () => client.disconnect(true),
    );
  });
  return {
    client,
    storeId: () => storeId,
    onStore: (listener) => {
      listeners.push(listener);
      if (storeId !== null) listener(storeId);
    },
    duplicate: () => connect({ ...options, commandTimeoutMs: 0 }, failed),
    close: async () => {
      client.disconnect();
      await Promise.resolve();
    },
  };
}

/** Resolves with the store id once it is known; rejects after `timeoutMs`. */
export function storeKnown(connection: RedisConnection, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${timeoutMs} ms`)), timeoutMs);
    connection.onStore((storeId) => {
      clearTimeout(timer);
      resolve(storeId);
    });
  });
}

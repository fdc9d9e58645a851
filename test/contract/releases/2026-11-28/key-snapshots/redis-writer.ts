import { readFileSync } from 'node:fs';
import type { KeySnapshot } from '../api-key/index.js';
import type { RedisConnection } from '@tollgate/redis';
import type { Redis } from 'ioredis';
import type { KeySnapshotWriter } from './port.js';

const lua = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
/** Changes and heartbeats that a follower can be behind before it has to forget what it knows: hours of heartbeats. */
const STREAM_ENTRIES_MAX = 20_000;

export const snapshotKey = (digest: string): string => `tollgate:key:${digest}`;
export const CHANGES_KEY = 'tollgate:{key-changes}:stream';
const SEQUENCE_KEY = 'tollgate:{key-changes}:sequence';

type WriterClient = Redis & {
  writeSnapshot(key: string, ...args: (string | number)[]): Promise<number>;
  appendChange(stream: string, sequence: string, ...args: (string | number)[]): Promise<number>;
};

/** Writes snapshots to Redis and appends their changes to the stream that gateways follow. */
export class RedisKeySnapshotWriter implements KeySnapshotWriter {
  readonly #client: WriterClient;

  constructor(private readonly redis: RedisConnection) {
    redis.client.defineCommand('writeSnapshot', { numberOfKeys: 1, lua: lua('write-snapshot') });
    redis.client.defineCommand('appendChange', { numberOfKeys: 2, lua: lua('append-change') });
    this.#client = redis.client as WriterClient;
  }

  async write(snapshot: KeySnapshot): Promise<void> {
    const json = JSON.stringify(snapshot);
    const stored = await this.#store(snapshot, json, false);
    if (stored) await this.#client.appendChange(CHANGES_KEY, SEQUENCE_KEY, json, STREAM_ENTRIES_MAX);
  }

  async refill(snapshot: KeySnapshot): Promise<void> {
    await this.#store(snapshot, JSON.stringify(snapshot), true);
  }

  async heartbeat(): Promise<void> {
    await this.#client.appendChange(CHANGES_KEY, SEQUENCE_KEY, '', STREAM_ENTRIES_MAX);
  }

  /** Whether the snapshot stands in Redis now; false where a newer one does. */
  async #store(snapshot: KeySnapshot, json: string, onlyAbsent: boolean): Promise<boolean> {
    const storeId = this.redis.storeId();
    if (storeId === null) throw new Error('Redis is not connected');
    const stored = await Promise.all(
      snapshot.digests.map((digest) =>
        this.#client.writeSnapshot(snapshotKey(digest), snapshot.version, storeId, json, onlyAbsent ? 1 : 0),
      ),
    );
    return stored.every((reply) => reply === 1);
  }
}

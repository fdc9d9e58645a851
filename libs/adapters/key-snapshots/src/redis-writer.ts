import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import type { RedisConnection } from '@tollgate/redis';
import type { Redis } from 'ioredis';
import type { HeartbeatFacts, KeySnapshotWriter } from './port.js';

const lua = (name: string): string => readFileSync(new URL(`../src/lua/${name}.lua`, import.meta.url), 'utf8');
/**
 * Changes and heartbeats that a follower can lag behind before it must drop its cache: some five hours of heartbeats.
 */
const STREAM_ENTRIES_MAX = 20_000;

/**
 * A key's snapshot is stored under each of its digests, whatever its form. Another Redis key for another form would
 * be a second place that a revoke has to reach.
 */
export const snapshotKey = (digest: string): string => `tollgate:key:${digest}`;
/** The Redis key of an organisation's snapshot. */
export const organizationKey = (organizationId: string): string => `tollgate:organization:v1:${organizationId}`;
/** The stream of changes. Its braces keep the stream and its sequences in one slot of a cluster. */
export const CHANGES_KEY = 'tollgate:{key-changes}:stream';
const SEQUENCE_KEY = 'tollgate:{key-changes}:sequence';
const IMPORTED_KEY = 'tollgate:{key-changes}:imported';
const ORGANIZATIONS_SEQUENCE_KEY = 'tollgate:{key-changes}:organizations-sequence';

/** The run of Redis for which all snapshots were put back. */
const REFILLED_KEY = 'tollgate:{key-changes}:refilled';
/** Who puts them back at this moment. */
const REFILLING_KEY = 'tollgate:{key-changes}:refilling';
/** A process that says nothing for so long has died: another one begins anew. */
const REFILLING_MS = 10_000;

/**
 * What Redis reads in the first line of a script, from 7.0 on. A change must be told while Redis has no memory left: a
 * tombstone above all. What only puts back a snapshot, which key-management has anyway, is refused then.
 */
const RUNS_WHEN_FULL = '#!lua flags=allow-oom';
const REFUSED_WHEN_FULL = '#!lua';

type WriterClient = Redis & {
  writeSnapshot(key: string, ...args: (string | number)[]): Promise<number>;
  refillSnapshot(key: string, ...args: (string | number)[]): Promise<number>;
  appendChange(
    stream: string,
    keys: string,
    organizations: string,
    imported: string,
    ...args: (string | number)[]
  ): Promise<number>;
};

/** Writes snapshots to Redis and appends their changes to the stream that gateways follow. */
export class RedisKeySnapshotWriter implements KeySnapshotWriter {
  readonly #client: WriterClient;
  readonly #refiller = randomUUID();

  constructor(private readonly redis: RedisConnection) {
    const write = lua('write-snapshot');
    redis.client.defineCommand('writeSnapshot', { numberOfKeys: 1, lua: `${RUNS_WHEN_FULL}\n${write}` });
    redis.client.defineCommand('refillSnapshot', { numberOfKeys: 1, lua: `${REFUSED_WHEN_FULL}\n${write}` });
    redis.client.defineCommand('appendChange', { numberOfKeys: 4, lua: `${RUNS_WHEN_FULL}\n${lua('append-change')}` });
    this.#client = redis.client as WriterClient;
  }

  async write(snapshot: KeySnapshot): Promise<void> {
    const json = JSON.stringify(snapshot);
    if (await this.#storeKey(snapshot, json, false)) await this.#append(json, '');
  }

  async refill(snapshot: KeySnapshot): Promise<void> {
    await this.#storeKey(snapshot, JSON.stringify(snapshot), true);
  }

  async writeOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    const json = JSON.stringify(snapshot);
    if (await this.#store(organizationKey(snapshot.organizationId), snapshot.version, json, false)) {
      await this.#append('', json);
    }
  }

  async refillOrganization(snapshot: OrganizationSnapshot): Promise<void> {
    await this.#store(organizationKey(snapshot.organizationId), snapshot.version, JSON.stringify(snapshot), true);
  }

  async beginRefill(): Promise<boolean> {
    const [storeId, refilled] = [this.#storeId(), await this.#client.get(REFILLED_KEY)];
    if (refilled === storeId) return false;
    return (await this.#client.set(REFILLING_KEY, this.#mark(storeId), 'PX', REFILLING_MS, 'NX')) === 'OK';
  }

  async keepRefill(): Promise<boolean> {
    if ((await this.#client.get(REFILLING_KEY)) !== this.#mark(this.#storeId())) return false;
    return (await this.#client.pexpire(REFILLING_KEY, REFILLING_MS)) === 1;
  }

  async endRefill(): Promise<void> {
    if (await this.keepRefill()) await this.#client.set(REFILLED_KEY, this.#storeId());
    await this.#client.del(REFILLING_KEY);
  }

  /** A mark that was written under another run of Redis, as in a stale copy of it, is nobody's. */
  #mark(storeId: string): string {
    return `${storeId} ${this.#refiller}`;
  }

  #storeId(): string {
    const storeId = this.redis.storeId();
    if (storeId === null) throw new Error('Redis is not connected');
    return storeId;
  }

  async heartbeat(facts?: HeartbeatFacts): Promise<void> {
    await this.#append('', '', facts === undefined ? '' : facts.importedKeys ? '1' : '0');
  }

  async storeUsed(): Promise<number | null> {
    const { usedBytes, maxBytes } = await this.redis.memory();
    return maxBytes === null ? null : usedBytes / maxBytes;
  }

  async #append(keyJson: string, organizationJson: string, importedKeys = ''): Promise<void> {
    await this.#client.appendChange(
      CHANGES_KEY,
      SEQUENCE_KEY,
      ORGANIZATIONS_SEQUENCE_KEY,
      IMPORTED_KEY,
      STREAM_ENTRIES_MAX,
      keyJson,
      organizationJson,
      importedKeys,
    );
  }

  /** Whether the snapshot is now stored under all digests of the key; false if a newer one is under any of them. */
  async #storeKey({ digests, version }: KeySnapshot, json: string, onlyAbsent: boolean): Promise<boolean> {
    const stored = await Promise.all(
      digests.map((digest) => this.#store(snapshotKey(digest), version, json, onlyAbsent)),
    );
    return stored.every(Boolean);
  }

  /** Whether this version, or for `onlyAbsent` any that is not newer, is stored now; false if a newer one is. */
  async #store(key: string, version: number, json: string, onlyAbsent: boolean): Promise<boolean> {
    const script = onlyAbsent ? 'refillSnapshot' : 'writeSnapshot';
    return (await this.#client[script](key, version, this.#storeId(), json, onlyAbsent ? 1 : 0)) === 1;
  }
}

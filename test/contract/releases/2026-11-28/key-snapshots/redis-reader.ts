import { performance } from 'node:perf_hooks';
import type { RedisConnection } from '@tollgate/redis';
import type { KeyChangeListener, KeySnapshotReader, SnapshotRead } from './port.js';
import { readChange, readSnapshot } from './read-snapshot.js';
import { CHANGES_KEY, snapshotKey } from './redis-writer.js';

/** How long one read waits for news; heartbeats come each second. */
const BLOCK_MS = 2_000;
/** A read without any answer for this long: the connection is dead. */
const READ_TIMEOUT_MS = 6_000;
const RETRY_MS = 100;

type StreamEntries = [stream: string, entries: [id: string, fields: string[]][]][] | null;

/** Reads snapshots, and follows the stream of changes on a connection of its own. */
export class RedisKeySnapshotReader implements KeySnapshotReader {
  readonly #listeners: KeyChangeListener[] = [];
  #stream: RedisConnection | null = null;
  #closed = false;
  #freshAsOf = -Infinity;

  constructor(private readonly redis: RedisConnection) {}

  async read(digest: string): Promise<SnapshotRead> {
    const storeId = this.redis.storeId();
    if (storeId === null) throw new Error('Redis is not connected');
    const [writtenUnder, json] = await this.redis.client.hmget(snapshotKey(digest), 's', 'j');
    if (json == null || writtenUnder !== storeId) return { kind: 'absent' };
    const snapshot = readSnapshot(json);
    return snapshot === null ? { kind: 'malformed' } : { kind: 'found', snapshot };
  }

  follow(listener: KeyChangeListener): void {
    this.#listeners.push(listener);
    if (this.#stream !== null) return;
    this.#stream = this.redis.duplicate();
    void this.#followStream(this.#stream);
  }

  ageMs(): number {
    return performance.now() - this.#freshAsOf;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stream?.close();
  }

  async #followStream(stream: RedisConnection): Promise<void> {
    let store: string | null = null;
    let position = { id: '0-0', seq: 0 };
    while (!this.#closed) {
      try {
        const current = stream.storeId();
        if (current === null) {
          await pause(RETRY_MS);
          continue;
        }
        const sentAt = performance.now();
        if (current !== store) {
          position = await newestEntry(stream);
          store = current;
          for (const listener of this.#listeners) listener.gap();
          continue;
        }
        const reply = await withTimeout(
          stream.client.xread('BLOCK', BLOCK_MS, 'STREAMS', CHANGES_KEY, position.id) as Promise<StreamEntries>,
        );
        if (reply === null) continue;
        for (const [id, fields] of reply[0]![1]) position = this.#hear(id, fields, position.seq);
        this.#freshAsOf = sentAt;
      } catch {
        if (this.#closed) return;
        stream.client.disconnect(true);
        await pause(RETRY_MS);
      }
    }
  }

  #hear(id: string, fields: readonly string[], seq: number): { id: string; seq: number } {
    const heard = sequenceOf(fields);
    const json = fieldOf(fields, 'j') ?? '';
    const change = json === '' ? null : readChange(json);
    const expected = change === null ? seq : seq + 1;
    // What names no digests that can be read may be about any key: then nothing remembered is safe.
    if (heard !== expected || change?.kind === 'unreadable') for (const listener of this.#listeners) listener.gap();
    if (change?.kind === 'unknown') for (const listener of this.#listeners) listener.forget(change.digests);
    if (change?.kind === 'snapshot') {
      // The id of an entry begins with the milliseconds at which the store took it.
      const heardAfterMs = Math.max(0, Date.now() - Number.parseInt(id, 10));
      for (const listener of this.#listeners) listener.changed(change.snapshot, heardAfterMs);
    }
    return { id, seq: heard };
  }
}

async function newestEntry(stream: RedisConnection): Promise<{ id: string; seq: number }> {
  const [entry] = await stream.client.xrevrange(CHANGES_KEY, '+', '-', 'COUNT', 1);
  return entry === undefined ? { id: '0-0', seq: 0 } : { id: entry[0], seq: sequenceOf(entry[1]) };
}

/** A field of a stream entry, by its name: a later release may write further ones, in any order. */
function fieldOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.findIndex((field, index) => index % 2 === 0 && field === name);
  return at === -1 ? undefined : fields[at + 1];
}

/** NaN where the entry has none, which is no number that could have been expected. */
const sequenceOf = (fields: readonly string[]): number => Number(fieldOf(fields, 'q'));

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

async function withTimeout<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer from the change stream')), READ_TIMEOUT_MS).unref();
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

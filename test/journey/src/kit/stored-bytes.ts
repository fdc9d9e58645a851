import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** Where something is kept, and its bytes. */
export interface StoredBytes {
  readonly place: string;
  readonly bytes: Buffer;
}

/** Every file under a folder. Files that go while this reads are left out: journals drop what is shipped. */
export function* filesUnder(folder: string): Iterable<StoredBytes> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const bytes = entry.isFile() ? readIfThere(path) : undefined;
    if (bytes !== undefined) yield { place: path, bytes };
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** Every key of a Redis with all it holds. Read by type: what DUMP gives may be compressed. */
export async function* redisDump(url: string): AsyncIterable<StoredBytes> {
  const client = new Redis(url, { maxRetriesPerRequest: 2 });
  client.on('error', () => undefined);
  try {
    for await (const keys of client.scanStream({ count: 1_000 }) as AsyncIterable<string[]>) {
      for (const key of keys)
        yield { place: `Redis key ${key}`, bytes: Buffer.from(JSON.stringify([key, await valueOf(client, key)])) };
    }
  } finally {
    client.disconnect();
  }
}

async function valueOf(client: Redis, key: string): Promise<unknown> {
  const type = await client.type(key);
  switch (type) {
    case 'none':
      return null;
    case 'string':
      return client.get(key);
    case 'hash':
      return client.hgetall(key);
    case 'set':
      return client.smembers(key);
    case 'list':
      return client.lrange(key, 0, -1);
    case 'zset':
      return client.zrange(key, 0, '-1', 'WITHSCORES');
    case 'stream':
      return client.xrange(key, '-', '+');
    default:
      throw new Error(`a Redis value of a type this dump cannot read: ${type}`);
  }
}

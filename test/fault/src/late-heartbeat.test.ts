import { randomUUID } from 'node:crypto';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { RedisKeySnapshotReader, RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CuttableProxy } from './cuttable-proxy.js';

/** What a gateway asks on the connection on which it follows key changes, and nowhere else. */
const FOLLOWS_CHANGES = /xread|xrevrange/i;
const LATE_MS = 400;

let server: RedisServer;
let proxy: CuttableProxy;
/** Of key-management, which is near; and of a gateway, behind the proxy. */
let near: RedisConnection;
let far: RedisConnection;
beforeAll(async () => {
  [server, proxy] = await Promise.all([startRedis(), CuttableProxy.start()]);
  near = connectRedis({ url: server.url, name: 'near' });
  far = connectRedis({ url: proxy.towards(server.url), name: 'far' });
  await Promise.all([storeKnown(near, 5_000), storeKnown(far, 5_000)]);
});
afterAll(async () => {
  await Promise.all([near?.close(), far?.close()]);
  await proxy?.stop();
  await server?.stop();
});

/** `replies_held`: the answer waits in the proxy. `cut`: the follower connects again, and reads what it has missed. */
it.each(['replies_held', 'cut'] as const)(
  'a heartbeat of before that is delivered late renews nothing: %s',
  { timeout: 300_000 },
  async (how) => {
    const [writer, reader] = [new RedisKeySnapshotWriter(near), new RedisKeySnapshotReader(far)];
    const heard: string[] = [];
    reader.follow({
      changed: ({ apiKeyId }) => void heard.push(apiKeyId),
      forget: () => undefined,
      gap: () => undefined,
    });
    await waitUntil(
      async () => {
        await writer.heartbeat();
        return reader.ageMs() < LATE_MS;
      },
      { what: 'the first heartbeat' },
    );
    proxy.set(how, FOLLOWS_CHANGES);
    const apiKeyId = randomUUID();
    await writer.write({
      apiKeyId,
      organizationId: 'default',
      version: 1,
      digests: [randomUUID().replaceAll('-', '').repeat(2)],
      state: 'revoked',
      reason: 'revoked',
    });
    // The last one: from here on nobody says that nothing was missed.
    await writer.heartbeat();
    const lastBeatAt = performance.now();
    await waitUntil(async () => performance.now() - lastBeatAt > LATE_MS, { what: 'the last heartbeat to be old' });
    proxy.set('open');
    let youngest = Infinity;
    await waitUntil(
      async () => {
        // Before it says its own: a moment in between must not make it younger.
        const sinceLastBeatMs = performance.now() - lastBeatAt;
        youngest = Math.min(youngest, reader.ageMs() - sinceLastBeatMs);
        return heard.includes(apiKeyId) && (await followsAgain(near));
      },
      { what: 'the follower to have heard all and to wait for more' },
    );
    // Redis counts whole milliseconds.
    expect(youngest, 'ms by which it counts as younger than it is').toBeGreaterThan(-2);
    expect(reader.ageMs()).toBeGreaterThanOrEqual(LATE_MS);
    await reader.close();
  },
);

/** Whether a connection waits for entries of the stream: what came before has been looked at whole. */
async function followsAgain(redis: RedisConnection): Promise<boolean> {
  return /flags=b.*cmd=xread/.test(String(await redis.client.client('LIST')));
}

import { randomBytes } from 'node:crypto';
import { digestSecret } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';

const STRANGERS = 1_000;
/** The most digests that one statement asks for where all share one session. */
const ASKED_AT_ONCE = 50;

let stage: KeyManagementStage;
const registry = createMetricsRegistry('test', { processMetrics: false });
beforeAll(async () => {
  stage = await startKeyManagement({
    registry,
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

/** One use of the single session: its first statement, and the uses that had not ended when it was asked for. */
interface Use {
  statement: string;
  readonly ahead: Use[];
  over: boolean;
}

/** Records every use of the session from now on, in the order of asking. */
function watch(pool: Pool): Use[] {
  const uses: Use[] = [];
  const connect = pool.connect.bind(pool) as unknown as (callback: Callback) => void;
  type Callback = (
    error: Error | undefined,
    client: PoolClient | undefined,
    release: (error?: unknown) => void,
  ) => void;
  pool.connect = ((callback: Callback) => {
    const use: Use = { statement: '', ahead: uses.filter(({ over }) => !over), over: false };
    uses.push(use);
    connect((error, client, release) => {
      if (client !== undefined) {
        const { query } = client;
        client.query = function (this: PoolClient, ...given: unknown[]) {
          client.query = query;
          use.statement = String((given[0] as { text?: string }).text ?? given[0]);
          return (query as (...given: unknown[]) => unknown).apply(client, given);
        } as typeof client.query;
      }
      callback(error, client, (failed) => {
        use.over = true;
        release(failed);
      });
    });
  }) as typeof pool.connect;
  return uses;
}
const isLookUp = ({ statement }: Use): boolean => statement.includes('keys.keys_by_digests');

const call = async (method: 'POST' | 'DELETE', url: string, payload?: object) => {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN}` },
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, body: reply.json() as { id: string; secret: string; state: string } };
};

describe('a thousand strangers who send invented secrets without a pause', () => {
  it('delay no revoke and no new key: at most one query of theirs, for some of them, is ahead of any other', async () => {
    const keys = await Promise.all(
      Array.from({ length: 5 }, async (_, n) => (await call('POST', '/v1/api-keys', { name: `key ${n}` })).body),
    );
    const uses = watch((stage.database.dataSource.driver as unknown as { master: Pool }).master);
    let [going, asked] = [true, 0];
    const flood = Array.from({ length: STRANGERS }, async () => {
      while (going) {
        asked += 1;
        expect((await stage.api.verifyKey(randomBytes(32).toString('hex'))).snapshot).toBeNull();
      }
    });
    for (const { id, secret } of keys) {
      expect(await call('POST', `/v1/api-keys/${id}/revoke`)).toMatchObject({
        status: 200,
        body: { state: 'revoked' },
      });
      // A valid key is found during the flood, too.
      expect((await stage.api.verifyKey(digestSecret(secret, PEPPER))).snapshot).toMatchObject({
        state: 'revoked',
        apiKeyId: id,
      });
      expect((await call('POST', '/v1/api-keys', { name: 'another key' })).status).toBe(201);
    }
    going = false;
    await Promise.all(flood);
    const others = uses.filter((use) => !isLookUp(use));
    const [lookUps, writes] = [
      uses.length - others.length,
      others.filter(({ statement }) => statement.startsWith('START TRANSACTION')),
    ];
    expect(writes.length).toBeGreaterThanOrEqual(10);
    expect(Math.max(...others.map(({ ahead }) => ahead.filter(isLookUp).length))).toBeLessThanOrEqual(1);
    expect(lookUps).toBeGreaterThan(5);
    const ofOneQuery = asked / lookUps;
    expect(ofOneQuery).toBeGreaterThan(ASKED_AT_ONCE / 4);
    expect(ofOneQuery).toBeLessThanOrEqual(ASKED_AT_ONCE);
    const text = await registry.metrics();
    expect(text).toMatch(/look_ups_total{outcome="found",service="test"} 5\n/);
    expect(text).toMatch(new RegExp(`look_ups_total{outcome="unknown",service="test"} ${asked}\\n`));
  });
});

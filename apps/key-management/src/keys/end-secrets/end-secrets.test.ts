import { digestSecret } from '@tollgate/api-key';
import type { KeySpending } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { EndSecrets } from './end-secrets.js';

const snapshots = new MemoryKeySnapshots();
/** When usage-billing knows that keys were used last; undefined while it is away. */
let lastUsedAt: Map<string, string> | undefined;
let stage: KeyManagementStage;
let endSecrets: EndSecrets;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: {
      spendingByKey: async (_organizationId, ids) => {
        if (lastUsedAt === undefined) throw new Error('usage-billing is away');
        return ids.map((apiKeyId): KeySpending => ({
          apiKeyId,
          requests: 0,
          inputTokens: 0,
          outputTokens: 0,
          chargedNanoUsd: '0',
          lastUsedAt: lastUsedAt?.get(apiKeyId) ?? null,
          lastUsedFrom: null,
        }));
      },
    },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  endSecrets = stage.app.get(EndSecrets);
}, 60_000);
afterAll(() => stage?.stop(), 30_000);
beforeEach(() => {
  lastUsedAt = new Map();
});

async function call(method: 'GET' | 'POST', path: string, body?: object) {
  const reply = await stage.app.inject({
    method,
    url: `/v1/api-keys${path}`,
    headers: { authorization: `Bearer ${ADMIN}` },
    ...(body !== undefined && { payload: body }),
  });
  expect(reply.statusCode, reply.body).toBeLessThan(300);
  return reply.json();
}
/** A rotated key; `at` gives the moment so many seconds after its rotation. */
async function rotatedKey(terms: object) {
  const made = await call('POST', '', { name: 'a key' });
  const { secrets } = await call('POST', `/${made.id}/rotate`, terms);
  const rotatedMs = Date.parse(secrets[1].created_at);
  return {
    id: made.id as string,
    former: made.secret as string,
    at: (seconds: number) => new Date(rotatedMs + seconds * 1_000),
  };
}
const reasonOf = async (id: string) => (await call('GET', `/${id}`)).secrets[0].end_reason as string | null;
async function stored(secret: string) {
  const read = await snapshots.read(digestSecret(secret, PEPPER));
  return read.kind === 'found' ? read.snapshot : null;
}
/** Tells key-management, and usage-billing itself, that the former secret of a key was used. */
async function use(id: string, at: Date, { told = true } = {}) {
  lastUsedAt?.set(id, at.toISOString());
  if (!told) return;
  await stage.database.dataSource.query(
    `INSERT INTO keys.api_key_secret_use (organization_id, api_key_id, secret_id, requests, charged_nano_usd, last_used_at, addresses)
     VALUES ('default', $1, $1, 1, 0, $2, '[]')
     ON CONFLICT ON CONSTRAINT api_key_secret_use_pk DO UPDATE SET last_used_at = EXCLUDED.last_used_at`,
    [id, at],
  );
}

describe('a former secret', () => {
  it('ends with its grace period, with a tombstone and an audit entry, once for two who look at once', async () => {
    const { id, former, at } = await rotatedKey({ grace_period_seconds: 600 });
    expect(await endSecrets.end(at(599))).toBe(0);
    const both = await Promise.all([endSecrets.end(at(601)), endSecrets.end(at(601))]);
    expect(both.sort()).toEqual([0, 1]);
    expect(await reasonOf(id)).toBe('grace');
    await expect.poll(() => stored(former)).toMatchObject({ state: 'revoked', secretId: id });
    const entries = await stage.database.dataSource.query(
      `SELECT entry FROM keys.audit_entry WHERE target_id = $1 AND action = 'api_key.secret_ended'`,
      [id],
    );
    expect(entries).toHaveLength(1);
    expect(entries[0].entry).toContain('the grace period is over');
  });

  it('ends when it was idle for as long as was chosen, counted from the rotation and from its last use', async () => {
    const { id, at } = await rotatedKey({ end_when_idle_seconds: 60 });
    expect(await endSecrets.end(at(59))).toBe(0);
    await use(id, at(50));
    expect(await endSecrets.end(at(100))).toBe(0);
    await use(id, at(90));
    expect(await endSecrets.end(at(149))).toBe(0);
    expect(await endSecrets.end(at(170))).toBe(1);
    expect(await reasonOf(id)).toBe('idle');
  });

  it('that was never used ends as idle, too; a use of before the rotation does not end it at once', async () => {
    const [never, before] = [
      await rotatedKey({ end_when_idle_seconds: 60 }),
      await rotatedKey({ end_when_idle_seconds: 60 }),
    ];
    await use(before.id, before.at(-3_600));
    expect(await endSecrets.end(before.at(30))).toBe(0);
    expect(await endSecrets.end(before.at(120))).toBe(2);
    expect([await reasonOf(never.id), await reasonOf(before.id)]).toEqual(['idle', 'idle']);
  });

  it('is not called idle while usage-billing is away, or knows of a use that it has not told yet', async () => {
    const { id, at } = await rotatedKey({ end_when_idle_seconds: 60 });
    lastUsedAt = undefined;
    expect(await endSecrets.end(at(1_000))).toBe(0);
    lastUsedAt = new Map();
    await use(id, at(990), { told: false });
    expect(await endSecrets.end(at(1_000))).toBe(0);
    expect(await reasonOf(id)).toBeNull();
    // Its grace period ends it all the same.
    lastUsedAt = undefined;
    expect(await endSecrets.end(at(86_401))).toBe(1);
    expect(await reasonOf(id)).toBe('grace');
  });

  it('of a revoked key is left alone, and hundreds end in one look', async () => {
    const revoked = await rotatedKey({ grace_period_seconds: 60 });
    await call('POST', `/${revoked.id}/revoke`);
    const { at } = revoked;
    await Promise.all(Array.from({ length: 120 }, () => rotatedKey({ grace_period_seconds: 60 })));
    expect(await endSecrets.end(at(600))).toBe(120);
    expect(await reasonOf(revoked.id)).toBeNull();
  });
});

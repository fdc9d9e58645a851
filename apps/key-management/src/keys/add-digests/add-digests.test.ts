import { digestSecret, digestsUnder, pepperId, type Peppers } from '@tollgate/api-key';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { keysOfPreviousPepper, refuseOtherPepper } from '../../store/refuse-other-pepper.js';

const [NEW, OLD] = ['a new pepper of the test', 'an old pepper of the test'];
const peppers: Peppers = [NEW, OLD];
const snapshots = new MemoryKeySnapshots();
const published: string[] = [];

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    peppers,
    snapshots,
    registry: createMetricsRegistry('test', { processMetrics: false }),
    bus: { publish: async (_topic, messages) => void published.push(...messages.map(({ value }) => value.toString())) },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

interface Made {
  readonly id: string;
  readonly secret: string;
}

async function ask<T>(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object): Promise<T> {
  const headers = { authorization: `Bearer ${ADMIN}` };
  return (await stage.app.inject({ method, url, headers, ...(payload && { payload }) })).json();
}
const create = (): Promise<Made> => ask('POST', '/v1/api-keys', { name: 'a key' });
const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
  stage.database.dataSource.query(sql, parameters);

/** A key as a process made it that knew the old pepper alone. */
async function createUnderOld(): Promise<Made & { readonly old: string; readonly added: string }> {
  const key = await create();
  const [added, old] = digestsUnder(key.secret, peppers) as [string, string];
  await query('DELETE FROM keys.api_key_secret WHERE api_key_id = $1 AND pepper_id = $2', [key.id, pepperId(NEW)]);
  return { ...key, old, added };
}
const secretsOf = (id: string) =>
  query<{ digest: string; pepper_id: string; masked: string }>(
    `SELECT encode(digest, 'hex') AS digest, pepper_id, masked FROM keys.api_key_secret WHERE api_key_id = $1
     ORDER BY pepper_id = $2`,
    [id, pepperId(NEW)],
  );

describe('while a pepper is replaced', () => {
  it('a new key is known under both, each by the name of its pepper', async () => {
    const { id, secret } = await create();
    expect(await secretsOf(id)).toMatchObject([
      { digest: digestSecret(secret, OLD), pepper_id: pepperId(OLD) },
      { digest: digestSecret(secret, NEW), pepper_id: pepperId(NEW) },
    ]);
    for (const digest of digestsUnder(secret, peppers))
      expect(await snapshots.read(digest)).toMatchObject({ snapshot: { apiKeyId: id, state: 'active' } });
  });

  it('a key that is known under the old one alone is found, by both digests in one call', async () => {
    const key = await createUnderOld();
    expect((await stage.api.verifyKey(key.added)).snapshot).toBeNull();
    for (const answer of [await stage.api.verifyKey(key.old), await stage.api.verifyKey(key.added, key.old)])
      expect(answer.snapshot).toMatchObject({ apiKeyId: key.id, digests: [key.old] });
  });

  it('a key gains the digest under the new one, keeps the old one, and gateways are told of both', async () => {
    const key = await createUnderOld();
    const before = published.length;
    const [row] = await secretsOf(key.id);
    await stage.api.addDigests([{ known: key.old, added: key.added }]);
    await vi.waitFor(
      async () => expect(await snapshots.read(key.added)).toMatchObject({ snapshot: { apiKeyId: key.id, version: 2 } }),
      { timeout: 20_000 },
    );
    expect(await secretsOf(key.id)).toEqual([row, { ...row, digest: key.added, pepper_id: pepperId(NEW) }]);
    for (const digest of [key.old, key.added]) {
      const { snapshot } = await stage.api.verifyKey(digest);
      expect(snapshot).toMatchObject({ apiKeyId: key.id, state: 'active', version: 2 });
      expect([...snapshot!.digests].sort()).toEqual([key.old, key.added].sort());
    }
    expect(published.slice(before)).toEqual([]);
    expect(await ask('GET', `/v1/api-keys/${key.id}`)).toMatchObject({ state: 'active' });
  });

  it('is told twice without an effect, and of keys that nobody knows or that are revoked', async () => {
    const [key, revoked] = [await createUnderOld(), await createUnderOld()];
    await ask('POST', `/v1/api-keys/${revoked.id}/revoke`);
    const all = [
      { known: key.old, added: key.added },
      { known: revoked.old, added: revoked.added },
      { known: 'ab'.repeat(32), added: 'cd'.repeat(32) },
    ];
    await stage.api.addDigests(all);
    await stage.api.addDigests(all);
    expect((await stage.api.verifyKey(key.added)).snapshot).toMatchObject({ version: 2 });
    expect(await secretsOf(revoked.id)).toHaveLength(1);
    expect((await stage.api.verifyKey(revoked.added, revoked.old)).snapshot).toMatchObject({ state: 'revoked' });
    expect((await stage.api.verifyKey('cd'.repeat(32))).snapshot).toBeNull();
  });

  it('a digest of one key is never given to another', async () => {
    const [one, other] = [await createUnderOld(), await createUnderOld()];
    await stage.api.addDigests([{ known: one.old, added: one.added }]);
    await stage.api.addDigests([{ known: other.old, added: one.added }]);
    expect((await stage.api.verifyKey(one.added)).snapshot).toMatchObject({ apiKeyId: one.id });
    expect(await secretsOf(other.id)).toHaveLength(1);
  });

  it('a revoked key is dead under both: its tombstone is under each digest when the revoke is answered', async () => {
    const key = await createUnderOld();
    await stage.api.addDigests([{ known: key.old, added: key.added }]);
    await ask('POST', `/v1/api-keys/${key.id}/revoke`);
    for (const digest of [key.old, key.added])
      expect(await snapshots.read(digest)).toMatchObject({ snapshot: { state: 'revoked', apiKeyId: key.id } });
  });

  it('a leaked secret is revoked by whichever digest its key is known by', async () => {
    const [gained, known] = [await create(), await createUnderOld()];
    const digests = [...digestsUnder(gained.secret, peppers), known.added, known.old];
    const outcomes = await stage.api.revokeLeakedKeys({ origin: 'github', digests });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['revoked', 'revoked', 'unknown', 'revoked']);
  });
});

describe('a start', () => {
  const told = async (given: Peppers): Promise<string[]> => {
    const lines: string[] = [];
    await refuseOtherPepper(stage.app.get(ServiceDatabase), { peppers: given, warn: (line) => lines.push(line) });
    return lines;
  };

  it('says how many usable keys would be refused without the previous pepper, until there are none', async () => {
    await query('UPDATE keys.api_key SET revoked_at = now(), revoke_reason = $1 WHERE revoked_at IS NULL', ['revoked']);
    const [usable, expired] = [await createUnderOld(), await createUnderOld()];
    await query(`UPDATE keys.api_key SET expires_at = now() - interval '1 hour' WHERE id = $1`, [expired.id]);
    expect(await keysOfPreviousPepper(stage.app.get(ServiceDatabase), peppers)).toBe(1);
    expect(await told(peppers)).toEqual([expect.stringMatching(/^1 usable keys are known only under/)]);
    expect(await told([NEW])).toEqual([expect.stringContaining(`are refused: 1 under the pepper ${pepperId(OLD)}; `)]);
    await stage.api.addDigests([{ known: usable.old, added: usable.added }]);
    expect(await keysOfPreviousPepper(stage.app.get(ServiceDatabase), peppers)).toBe(0);
    expect(await told(peppers)).toEqual([expect.stringContaining('TOLLGATE_PEPPER_PREVIOUS can be removed')]);
    expect(await told([NEW])).toEqual([]);
  });
});

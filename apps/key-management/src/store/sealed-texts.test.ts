import { Outbox, ServiceDatabase } from '@tollgate/postgres';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { sealedUnder, sealingFrom } from '@tollgate/sealing';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { KEYS_SCHEMA, SEND_MAIL } from './outbox-effects.js';
import { reseal, tellOfUnreadableTexts } from './sealed-texts.js';

const pepper = 'a pepper of the test';
const [OLD, NEW] = ['0a'.repeat(32), '0b'.repeat(32)];
const [before, changing, after] = [
  sealingFrom({ pepper, encryptionKey: OLD }),
  sealingFrom({ pepper, encryptionKey: NEW, encryptionKeyPrevious: OLD }),
  sealingFrom({ pepper, encryptionKey: NEW }),
];
const alone = sealingFrom({ pepper, encryptionKey: NEW, encryptionKeyPrevious: OLD }, { alone: true });

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    registry: createMetricsRegistry('test', { processMetrics: false }),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
  });
  // The rows below are read by this test alone.
  await stage.app.close();
}, 60_000);
afterAll(() => stage?.stop(), 30_000);
beforeEach(() => query('DELETE FROM keys.outbox'));

const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
  stage.database.dataSource.query(sql, parameters);
const keys = () => new ServiceDatabase(stage.database.dataSource, 'keys');
const addMail = (key: string, payload: string) =>
  stage.database.dataSource.transaction((manager) =>
    new Outbox(KEYS_SCHEMA).add(manager, { effect: SEND_MAIL, key, payload }),
  );
const payloads = async (): Promise<string[]> =>
  (await query<{ payload: string }>('SELECT payload FROM keys.outbox ORDER BY id')).map(({ payload }) => payload);
const told = async (sealing = after): Promise<string[]> => {
  const lines: string[] = [];
  await tellOfUnreadableTexts(keys(), sealing, (line) => lines.push(line));
  return lines;
};

describe('texts under a key that is replaced', () => {
  it('are encrypted anew under the present one, once, and then need the previous one no more', async () => {
    await addMail('one', before.seal('a link', ['mail', 'one']));
    await addMail('two', changing.seal('another link', ['mail', 'two']));
    await addMail('three', after.seal('a third link', ['mail', 'three']));
    const [, , third] = await payloads();
    expect(await told(changing)).toEqual([]);
    expect(await told()).toEqual([
      expect.stringMatching(`^2 mails that wait cannot be read: .* ${before.keyIds[0]}, which is not given`),
    ]);
    expect(await reseal(keys(), alone)).toEqual({ resealed: 2, unreadable: 0 });
    const renewed = await payloads();
    expect(renewed[2]).toBe(third);
    expect(renewed.map(sealedUnder)).toEqual([after.keyIds[0], after.keyIds[0], after.keyIds[0]]);
    expect(after.open(renewed[0]!, ['mail', 'one'])).toBe('a link');
    expect(await told()).toEqual([]);
    expect(await reseal(keys(), alone)).toEqual({ resealed: 0, unreadable: 0 });
  });

  it('are of every kind that is kept: the client secret of an organisation’s OpenID provider too', async () => {
    await query(
      `INSERT INTO keys.oidc_provider (organization_id, issuer, client_id, client_secret, required, version, created_at, updated_at)
       VALUES ('default', 'https://issuer.example', 'us', $1, false, 1, now(), now())`,
      [before.seal('their secret', ['oidc_client_secret', 'default'])],
    );
    expect(await told()).toEqual([expect.stringMatching(/^1 client secrets of OpenID providers cannot be read/)]);
    expect(await reseal(keys(), alone)).toEqual({ resealed: 1, unreadable: 0 });
    const [{ client_secret }] = (await query('SELECT client_secret FROM keys.oidc_provider')) as [
      { client_secret: string },
    ];
    expect(after.open(client_secret, ['oidc_client_secret', 'default'])).toBe('their secret');
    expect(await told()).toEqual([]);
  });

  it('stay as they are where the key that they are under is not given, and are told of', async () => {
    const lost = sealingFrom({ pepper, encryptionKey: '0c'.repeat(32) }).seal('a link', ['mail', 'one']);
    await addMail('one', lost);
    expect(await reseal(keys(), alone)).toEqual({ resealed: 0, unreadable: 1 });
    expect(await payloads()).toEqual([lost]);
    expect(await told()).toHaveLength(1);
  });
});

import { infraFromEnvironment } from '@tollgate/infra';
import { type Database, migrate, openDatabase, ServiceDatabase } from '@tollgate/postgres';
import { LeakStore, MailStore, secretScanningSchema } from '@tollgate/secret-scanning';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newDigest } from './key-fixture.js';

type Outcome = Parameters<LeakStore['record']>[0][number];

describe('the stores of leaks and their mails on a Postgres server', () => {
  let database: Database;
  let leaks: LeakStore;
  let mails: MailStore;
  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, secretScanningSchema);
    database = await openDatabase({ url, poolSize: 12, applicationName: 'contract' });
    const service = new ServiceDatabase(database.dataSource, 'scanning');
    mails = new MailStore(service);
    leaks = new LeakStore(service, mails);
  });
  afterAll(() => database?.close());
  beforeEach(() => query('TRUNCATE scanning.leak, scanning.finding, scanning.leak_mail, scanning.outbox'));

  const now = new Date();
  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    database.dataSource.query(sql, parameters);
  const count = async (from: string) => Number((await query<{ n: string }>(`SELECT count(*) AS n FROM ${from}`))[0]!.n);
  const found = (digest: string, url = 'https://example.com') => ({
    digest,
    origin: 'github',
    url,
    source: 'content',
    tokenType: 'key',
  });
  const ours = (digest: string, owners = ['a@localhost', 'b@localhost']): Outcome => ({
    digest,
    outcome: 'revoked',
    key: {
      apiKeyId: `key of ${digest}`,
      organizationId: 'default',
      name: 'a key',
      maskedKey: 'sk-…',
      revokedAt: now.toISOString(),
      ownerEmails: owners,
    },
  });
  const nobodys = (digest: string): Outcome => ({ digest, outcome: 'unknown', key: null });
  const digests = (length: number) => Array.from({ length }, newDigest);
  /** The same items in several orders. */
  const orders = <T>(items: readonly T[]): T[][] => [
    [...items],
    [...items].reverse(),
    ...Array.from({ length: 4 }, () => [...items].sort(() => Math.random() - 0.5)),
  ];

  it('the same findings, reported at the same time in other orders, are stored once and nobody fails', async () => {
    for (let round = 0; round < 20; round++) {
      const all = digests(60);
      await Promise.all(orders(all.map((digest) => found(digest))).map((each) => leaks.add(each, now)));
      expect(await count('scanning.finding')).toBe(60 * (round + 1));
    }
  });

  it('the same outcomes, recorded at the same time in other orders, are one leak and one mail to each owner', async () => {
    for (let round = 1; round <= 15; round++) {
      const all = digests(30);
      await leaks.add(
        all.flatMap((digest) => [found(digest), found(digest, 'https://example.com/2')]),
        now,
      );
      const outcomes = all.map((digest, at) => (at % 2 === 0 ? ours(digest) : nobodys(digest)));
      await Promise.all(orders(outcomes).map((each) => leaks.record(each, now)));
      expect(await count('scanning.leak')).toBe(15 * round);
      expect(await count('scanning.leak_mail')).toBe(30 * round);
      expect(await count('scanning.finding')).toBe(30 * round);
      expect(await count('scanning.finding WHERE api_key_id IS NULL')).toBe(0);
    }
  });

  it('recording, escalating and forgetting the same findings at the same time fails nobody, and tells the bus once', async () => {
    for (let round = 0; round < 15; round++) {
      const all = digests(40);
      await leaks.add(
        all.map((digest) => found(digest)),
        now,
      );
      const outcomes = all.slice(0, 20).map((digest, at) => (at % 2 === 0 ? ours(digest) : nobodys(digest)));
      const later = new Date(now.getTime() + 1);
      await Promise.all([
        ...orders(outcomes)
          .slice(0, 2)
          .map((each) => leaks.record(each, now)),
        ...orders(all)
          .slice(0, 3)
          .map((each) => leaks.escalate(each, now)),
        leaks.escalateReceivedBefore(later, now),
        leaks.escalateReceivedBefore(later, now),
      ]);
      await Promise.all([leaks.forgetReceivedBefore(later), leaks.forgetReceivedBefore(later)]);
      const told = await query<{ key: string; n: string }>(
        'SELECT key, count(*) AS n FROM scanning.outbox GROUP BY key',
      );
      expect(told.filter(({ n }) => n !== '1')).toEqual([]);
      expect(await count('scanning.finding WHERE api_key_id IS NULL')).toBe(0);
    }
  });

  it('texts come back as they were', async () => {
    const [digest] = digests(1);
    const url = 'https://example.com/{1,2}?"q"=\\NULL\u{1f511}';
    await leaks.add([found(digest!, url)], now);
    const odd = ours(digest!, ['o"{,}\\@localhost']);
    await leaks.record([{ ...odd, key: { ...odd.key!, name: '{"ein", NULL}' } }], now);
    expect(await mails.take(1_000)).toMatchObject({ recipient: 'o"{,}\\@localhost' });
    expect(await leaks.leakOf({ ...odd.key!, secretId: '' })).toMatchObject({
      keyName: '{"ein", NULL}',
      places: [{ url }],
    });
  });

  it('a former secret that leaks and its key that leaks later are two leaks, with a mail each to every owner', async () => {
    const [former, present] = digests(2) as [string, string];
    const ofKey = ours(present);
    const { key } = ofKey;
    const ofFormer: Outcome = {
      digest: former,
      outcome: 'revoked',
      key: { ...key!, maskedKey: 'sk-former', formerSecret: { id: 'the former secret', keyIsLive: true } },
    };
    await leaks.add([found(former), found(present, 'https://example.com/2')], now);
    for (let time = 0; time < 2; time++) await leaks.record([ofFormer], now);
    expect(await leaks.unrecorded([{ apiKeyId: key!.apiKeyId, digests: [former] }])).toEqual(new Set([key!.apiKeyId]));
    for (let time = 0; time < 2; time++) await leaks.record([ofKey], now);
    expect(await count('scanning.leak')).toBe(2);
    expect(await count('scanning.leak_mail')).toBe(4);
    expect(await leaks.leakOf({ ...key!, secretId: 'the former secret' })).toMatchObject({
      maskedKey: 'sk-former',
      formerSecret: { keyIsLive: true },
      places: [{ url: 'https://example.com' }],
    });
    expect(await leaks.leakOf({ ...key!, secretId: '' })).toMatchObject({
      formerSecret: null,
      places: [{ url: 'https://example.com/2' }],
    });
    const taken = [
      await mails.take(60_000),
      await mails.take(60_000),
      await mails.take(60_000),
      await mails.take(60_000),
    ];
    expect(taken.map((mail) => mail?.secretId).sort()).toEqual(['', '', 'the former secret', 'the former secret']);
  });

  it('keys without a leak on record, or with findings that are not known to be theirs, are told', async () => {
    const [recorded, half, none] = digests(3) as [string, string, string];
    await leaks.add(
      [recorded, half].map((digest) => found(digest)),
      now,
    );
    await leaks.record([ours(recorded), ours(half)], now);
    await leaks.add([found(half, 'https://example.com/new')], now);
    const asked = [recorded, half, none].map((digest) => ({ apiKeyId: `key of ${digest}`, digests: [digest] }));
    expect(await leaks.unrecorded(asked)).toEqual(new Set([`key of ${half}`, `key of ${none}`]));
  });

  describe('a mail', () => {
    const owe = async (mailsOwed: number) => {
      const [digest] = digests(1);
      await leaks.record(
        [
          ours(
            digest!,
            Array.from({ length: mailsOwed }, (_, at) => `${at}@localhost`),
          ),
        ],
        now,
      );
    };

    it('is taken by one of many who look at the same time', async () => {
      await owe(20);
      const taken = await Promise.all(Array.from({ length: 30 }, () => mails.take(60_000)));
      const ids = taken.flatMap((mail) => mail?.id ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      // A call may have found all due mails locked by the other calls, so the rest are taken now.
      for (let mail = await mails.take(60_000); mail !== null; mail = await mails.take(60_000)) ids.push(mail.id);
      expect(new Set(ids).size).toBe(20);
      expect(ids).toHaveLength(20);
    });

    it('is taken alone, also of a table that PostgreSQL knows to be small', async () => {
      await owe(1);
      await query('ANALYZE scanning.leak_mail');
      await owe(2);
      const taken = [await mails.take(60_000), await mails.take(60_000), await mails.take(60_000)];
      expect(new Set(taken.map((mail) => mail?.id)).size).toBe(3);
      expect(taken).not.toContain(null);
    });

    it('is due again after its lease, and the one that waits longest comes first', async () => {
      await owe(2);
      const first = await mails.take(0);
      const second = await mails.take(60_000);
      expect(second!.id).not.toBe(first!.id);
      expect(await mails.take(60_000)).toMatchObject({ id: first!.id, attempt: 2 });
      expect(await mails.take(60_000)).toBeNull();
      expect((await mails.waiting()).mails).toBe(2);
    });

    it('that was sent or given up is never taken again; one that is to be tried again is', async () => {
      await owe(3);
      const [sent, abandoned, again] = [await mails.take(0), await mails.take(60_000), await mails.take(60_000)];
      await mails.sent(sent!.id);
      await mails.abandon(abandoned!.id);
      await mails.retryIn(again!.id, 0);
      expect(await mails.take(60_000)).toMatchObject({ id: again!.id, attempt: 2, recipient: again!.recipient });
      expect(await mails.take(60_000)).toBeNull();
      expect((await mails.waiting()).mails).toBe(1);
    });

    it('waits for nobody: one that another transaction holds is passed over', async () => {
      await owe(2);
      const runner = database.dataSource.createQueryRunner();
      await runner.startTransaction();
      const [held] = await runner.query(
        'SELECT id FROM scanning.leak_mail ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE',
      );
      expect((await mails.take(60_000))?.id).not.toBe(held.id);
      expect(await mails.take(60_000)).toBeNull();
      await runner.rollbackTransaction();
      await runner.release();
      expect((await mails.take(60_000))?.id).toBe(held.id);
    });
  });
});

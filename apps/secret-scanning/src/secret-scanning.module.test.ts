import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { digestSecret, generateSecret } from '@tollgate/api-key';
import { inProcessBus, type BusMessage, type InProcessBus } from '@tollgate/bus';
import { KEYS_CHANGED_V1, leaksReportedV1, type LeakedKeyOutcome } from '@tollgate/contracts';
import { createNestServer, publicRoutesOf } from '@tollgate/http';
import type { Mail } from '@tollgate/mail';
import { readDocument, routesOf } from '@tollgate/openapi';
import { migrate, openDatabase, startEmbeddedPostgres, type Database, type EmbeddedPostgres } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry, type Registry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LeakStore } from './store/leak-store.js';
import { SecretScanningProcessModule } from './secret-scanning-process.module.js';
import { secretScanningSchema } from './store/migrations/index.js';

const PEPPER = 'a pepper of the test';
const PATH = '/webhooks/github/secret-scanning';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The state of a fake key-management, which knows some digests and can be made unreachable. */
const keys = new Map<string, NonNullable<LeakedKeyOutcome['key']>>();
const revoked = new Set<string>();
/** The number of digests in each call. */
const asked: number[] = [];
let reachable: boolean;
const mayBeImported = false;
/** Digests without a readable outcome, as if key-management were of a later release. */
const unreadable = new Set<string>();
const keyManagement = {
  mayHaveImportedKeys(): Promise<boolean> {
    return Promise.resolve(mayBeImported);
  },

  async revokeLeakedKeys({ digests }: { digests: string[] }): Promise<LeakedKeyOutcome[]> {
    asked.push(digests.length);
    if (!reachable) throw new Error('key-management is away');
    return digests
      .filter((digest) => !unreadable.has(digest))
      .map((digest) => {
        const key = keys.get(digest);
        if (key === undefined) return { digest, outcome: 'unknown', key: null };
        const outcome = revoked.has(digest) ? 'already_revoked' : 'revoked';
        revoked.add(digest);
        return { digest, outcome, key };
      });
  },
};
const sent: Mail[] = [];
let mailWorks: boolean;
const mail = {
  async send(one: Mail): Promise<void> {
    if (!mailWorks) throw new Error('the mail server is away');
    sent.push(one);
  },
};
const published: string[] = [];
const bus = {
  publish: async (_topic: string, messages: readonly BusMessage[]) =>
    void published.push(...messages.map(({ value }) => value.toString())),
};

let folder: string;
let embedded: EmbeddedPostgres;
let database: Database;
let publicKeys: Server;
let changes: InProcessBus;
let app: NestFastifyApplication;
let registry: Registry;

beforeAll(async () => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  publicKeys = createServer((request, reply) => {
    reply.end(
      JSON.stringify({
        public_keys: [
          { key_identifier: 'listed', key: pem, is_current: false },
          { key_identifier: 'without a key' },
          null,
        ],
      }),
    );
    request.resume();
  });
  await new Promise<void>((listening) => publicKeys.listen(0, '127.0.0.1', listening));
  folder = await mkdtemp(join(tmpdir(), 'tollgate-scanning-'));
  embedded = await startEmbeddedPostgres(join(folder, 'postgres'));
  await migrate(embedded.url, secretScanningSchema);
  database = await openDatabase({ url: embedded.url, poolSize: 1, applicationName: 'test' });
  const logger = createLogger({ service: 'test', level: 'silent' });
  registry = createMetricsRegistry('test', { processMetrics: false });
  const module = SecretScanningProcessModule.with({
    database,
    keyManagement,
    mail,
    bus,
    logger,
    registry,
    usageBilling: { spendingByKey: () => Promise.reject(new Error('away')) },
    settings: {
      peppers: [PEPPER],
      githubPublicKeysUrl: `http://127.0.0.1:${(publicKeys.address() as AddressInfo).port}/`,
    },
  });
  app = await createNestServer(module, { logger, bodyLimitBytes: 16 * 1024 * 1024 });
  changes = inProcessBus();
  app.connectMicroservice({ strategy: changes.server });
  await app.startAllMicroservices();
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
}, 60_000);

afterAll(async () => {
  await app?.close();
  await database?.close();
  await embedded?.close();
  publicKeys?.close();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

beforeEach(() => {
  reachable = true;
  mailWorks = true;
});

function newKey(): { secret: string; digest: string; apiKeyId: string } {
  const secret = generateSecret('TestMark').reveal();
  const digest = digestSecret(secret, PEPPER);
  const apiKeyId = `key-${keys.size}`;
  keys.set(digest, {
    apiKeyId,
    organizationId: 'default',
    name: 'support bot',
    maskedKey: 'sk-abc…wxyz',
    revokedAt: '2026-11-20T12:00:00.000Z',
    ownerEmails: ['owner@localhost', 'second@localhost'],
  });
  return { secret, digest, apiKeyId };
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function report(body: unknown, headers: Record<string, string> = {}) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const signature = sign('sha256', Buffer.from(payload), privateKey).toString('base64');
  const reply = await app.inject({
    method: 'POST',
    url: PATH,
    payload,
    headers: {
      'content-type': 'application/json',
      'github-public-key-identifier': 'listed',
      'github-public-key-signature': signature,
      ...headers,
    },
  });
  return { status: reply.statusCode, body: reply.json() };
}
const findings = (): Promise<{ digest: string; api_key_id: string | null; url: string }[]> =>
  database.dataSource.query(
    `SELECT encode(digest, 'hex') AS digest, api_key_id, url FROM scanning.finding ORDER BY received_at, id`,
  );
const mailsOf = (apiKeyId: string): Promise<{ recipient: string; sent_at: Date | null; attempts: number }[]> =>
  database.dataSource.query(
    `SELECT recipient, sent_at, attempts FROM scanning.leak_mail WHERE api_key_id = $1 ORDER BY recipient`,
    [apiKeyId],
  );

it('has the public routes that its document has', () => {
  expect(publicRoutesOf(app)).toEqual(routesOf(readDocument('secret-scanning')));
});

describe('a report', () => {
  it('has every item labelled in order, ours revoked, and every owner told once', async () => {
    const key = newKey();
    const stranger = generateSecret('TestMark').reveal();
    const items = [
      { token: stranger, type: 'a', url: 'https://github.com/x', source: 'commit' },
      { token: key.secret, type: 'b', url: 'https://github.com/y', source: 'commit' },
      { token: 'junk', type: 'c', url: '', source: 'unknown' },
      { token: 5 },
      { token: key.secret, type: 'b', url: 'https://github.com/z', source: 'gist_content' },
    ];
    expect(await report(items)).toEqual({
      status: 200,
      body: [
        { token_hash: sha256(stranger), token_type: 'a', label: 'false_positive' },
        { token_hash: sha256(key.secret), token_type: 'b', label: 'true_positive' },
        { token_hash: sha256('junk'), token_type: 'c', label: 'false_positive' },
        { token_hash: sha256(''), token_type: '', label: 'false_positive' },
        { token_hash: sha256(key.secret), token_type: 'b', label: 'true_positive' },
      ],
    });
    expect(revoked.has(key.digest)).toBe(true);
    expect((await findings()).filter(({ digest }) => digest === key.digest)).toMatchObject([
      { api_key_id: key.apiKeyId },
      { api_key_id: key.apiKeyId },
    ]);
    expect((await findings()).map(({ digest }) => digest)).not.toContain(digestSecret(stranger, PEPPER));
    await vi.waitFor(
      async () => expect((await mailsOf(key.apiKeyId)).every(({ sent_at }) => sent_at !== null)).toBe(true),
      20_000,
    );
    const before = sent.length;
    expect(sent.map(({ to }) => to[0]).sort()).toEqual(['owner@localhost', 'second@localhost']);
    expect(sent[0]!.text).toContain('https://github.com/y');
    expect(sent[0]!.text).toContain('https://github.com/z');
    expect(JSON.stringify(sent)).not.toContain(key.secret);

    const again = await report([
      ...items,
      { token: key.secret, type: 'b', url: 'https://github.com/later', source: 'commit' },
    ]);
    expect(again.body.map(({ label }: { label: string }) => label)).toEqual([
      'false_positive',
      'true_positive',
      'false_positive',
      'false_positive',
      'true_positive',
      'true_positive',
    ]);
    expect((await findings()).filter(({ digest }) => digest === key.digest)).toHaveLength(3);
    expect(await mailsOf(key.apiKeyId)).toHaveLength(2);
    expect(sent.length).toBe(before);
  });

  it('is kept without the secrets', async () => {
    const key = newKey();
    await report([
      { token: key.secret, type: key.secret, url: `https://github.com/?k=${key.secret}`, source: key.secret },
    ]);
    const rows = await Promise.all(
      ['leak', 'finding', 'leak_mail', 'outbox'].map((table) =>
        database.dataSource.query(`SELECT to_jsonb(t)::text AS row FROM scanning.${table} t`),
      ),
    );
    expect(JSON.stringify(rows)).toContain(key.digest);
    expect(JSON.stringify(rows)).not.toContain(key.secret.slice(6, -4));
  });

  it('ends every key whose secret stands in a token, whatever is around it', async () => {
    const [quoted, first, second, last] = [newKey(), newKey(), newKey(), newKey()];
    const stranger = generateSecret('TestMark').reveal();
    const tokens = [
      `"${quoted.secret}"\n`,
      `Bearer ${first.secret}${second.secret}`,
      `${stranger},${last.secret}`,
      `"${stranger}"`,
    ];
    const { status, body } = await report(
      tokens.map((token) => ({ token, type: 't', url: 'https://github.com/x', source: 'commit' })),
    );
    expect(status).toBe(200);
    expect(body.map(({ label }: { label: string }) => label)).toEqual([
      'true_positive',
      'true_positive',
      'true_positive',
      'false_positive',
    ]);
    expect(body.map(({ token_hash: hash }: { token_hash: string }) => hash)).toEqual(tokens.map(sha256));
    for (const { digest, apiKeyId } of [quoted, first, second, last]) {
      expect(revoked.has(digest)).toBe(true);
      expect(await mailsOf(apiKeyId)).toHaveLength(2);
    }
  });

  it('of more secrets than key-management takes at once is answered all the same', async () => {
    const key = newKey();
    const token = Array.from({ length: 10_500 }, () => generateSecret('TestMark').reveal()).join('\n');
    expect(
      await report([
        { token, type: 't' },
        { token: `${token}${key.secret}`, type: 't' },
      ]),
    ).toMatchObject({ status: 200, body: [{ label: 'false_positive' }, { label: 'true_positive' }] });
    expect(asked.slice(-2)).toEqual([10_000, 501]);
    expect(revoked.has(key.digest)).toBe(true);
  });

  it('goes to the bus as far as key-management answers what cannot be read; the rest is recorded', async () => {
    const [key, other] = [newKey(), newKey()];
    unreadable.add(key.digest);
    const items = [key, other].map(({ secret }) => ({
      token: secret,
      type: 't',
      url: 'https://github.com/x',
      source: 'commit',
    }));
    expect(await report(items)).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    await vi.waitFor(
      () => expect(published.map((value) => leaksReportedV1.parse(JSON.parse(value)).digest)).toContain(key.digest),
      { timeout: 20_000 },
    );
    expect(published.join()).not.toContain(other.digest);
    expect(await mailsOf(other.apiKeyId)).toHaveLength(2);
    unreadable.clear();
    expect(await report(items)).toMatchObject({
      status: 200,
      body: [{ label: 'true_positive' }, { label: 'true_positive' }],
    });
  });

  it('is refused unless a listed key signed these very bytes', async () => {
    const key = newKey();
    const body = JSON.stringify([{ token: key.secret, type: 't' }]);
    const other = sign('sha256', Buffer.from(`${body}\n`), privateKey).toString('base64');
    expect(await report(body, { 'github-public-key-signature': other })).toMatchObject({
      status: 401,
      body: { code: 'invalid_signature' },
    });
    expect(await report(body, { 'github-public-key-signature': '' })).toMatchObject({
      status: 401,
      body: { code: 'invalid_signature' },
    });
    expect(await report(body, { 'github-public-key-identifier': '' })).toMatchObject({ status: 401 });
    expect(await report(body, { 'github-public-key-identifier': 'unlisted' })).toMatchObject({
      status: 401,
      body: { code: 'unknown_signing_key' },
    });
    expect(revoked.has(key.digest)).toBe(false);
    expect((await findings()).map(({ digest }) => digest)).not.toContain(key.digest);
  });

  it('is refused when it is no list, or too much', async () => {
    expect(await report('{"token":')).toMatchObject({ status: 400, body: { code: 'invalid_json' } });
    expect(await report({ token: 'x' })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await report(Array(10_001).fill({}))).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    expect(await report(`["${'x'.repeat(8 * 1024 * 1024)}"]`)).toMatchObject({ status: 413 });
    expect(await report([])).toEqual({ status: 200, body: [] });
    const metrics = await registry.metrics();
    for (const result of [
      'answered',
      'invalid_json',
      'invalid_request',
      'body_too_large',
      'invalid_signature',
      'unknown_signing_key',
    ]) {
      expect(metrics).toContain(`tollgate_secret_scanning_reports_total{result="${result}",service="test"}`);
    }
    expect(metrics).toMatch(/tollgate_secret_scanning_items_total\{label="true_positive",service="test"\} [1-9]/);
  });

  it('goes to the bus when key-management is away, and the reporter is asked to come again', async () => {
    const key = newKey();
    reachable = false;
    const items = [{ token: key.secret, type: 't', url: 'https://github.com/x', source: 'commit' }];
    expect(await report(items)).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    await vi.waitFor(
      () => expect(published.map((value) => leaksReportedV1.parse(JSON.parse(value)).digest)).toContain(key.digest),
      { timeout: 20_000 },
    );
    expect((await findings()).filter(({ digest }) => digest === key.digest)).toMatchObject([{ api_key_id: null }]);
    reachable = true;
    expect(await report(items)).toMatchObject({ status: 200, body: [{ label: 'true_positive' }] });
    expect((await findings()).filter(({ digest }) => digest === key.digest)).toMatchObject([
      { api_key_id: key.apiKeyId },
    ]);
  });
});

describe('a key that was revoked as leaked without us', () => {
  const changed = (apiKeyId: string, digests: string[], change = 'leaked') => ({
    key: apiKeyId,
    value: JSON.stringify({
      eventVersion: 1,
      apiKeyId,
      organizationId: 'default',
      version: 2,
      change,
      state: 'revoked',
      changedAt: '2026-11-20T12:00:00.000Z',
      digests,
    }),
  });

  it('is put on record and its owners hear of it, once however often it is said', async () => {
    const key = newKey();
    const bystander = newKey();
    const batch = [
      changed(key.apiKeyId, [key.digest]),
      { key: '', value: 'not an event' },
      changed(bystander.apiKeyId, [bystander.digest], 'deleted'),
      changed(key.apiKeyId, [key.digest]),
    ];
    await changes.publisher.publish(KEYS_CHANGED_V1, batch);
    await changes.publisher.publish(KEYS_CHANGED_V1, batch);
    await vi.waitFor(
      async () =>
        expect(await mailsOf(key.apiKeyId)).toMatchObject([
          { sent_at: expect.any(Date) },
          { sent_at: expect.any(Date) },
        ]),
      20_000,
    );
    expect(await mailsOf(bystander.apiKeyId)).toEqual([]);
    expect(revoked.has(bystander.digest)).toBe(false);
  });
});

describe('a former secret that leaked without us', () => {
  it('is put on record, and its owners hear that the key lives on, also after an earlier leak of the key', async () => {
    const key = newKey();
    const former = newKey();
    keys.set(former.digest, {
      ...keys.get(key.digest)!,
      maskedKey: 'sk-for…mer1',
      formerSecret: { id: 'former', keyIsLive: true },
    });
    const event = {
      key: key.apiKeyId,
      value: JSON.stringify({
        eventVersion: 1,
        apiKeyId: key.apiKeyId,
        organizationId: 'default',
        version: 3,
        change: 'leaked',
        state: 'active',
        changedAt: '2026-11-20T12:00:00.000Z',
        digests: [former.digest],
      }),
    };
    await changes.publisher.publish(KEYS_CHANGED_V1, [event]);
    await changes.publisher.publish(KEYS_CHANGED_V1, [event]);
    await vi.waitFor(
      async () =>
        expect(await mailsOf(key.apiKeyId)).toMatchObject([
          { sent_at: expect.any(Date) },
          { sent_at: expect.any(Date) },
        ]),
      20_000,
    );
    const about = sent.filter(({ text }) => text.includes('sk-for…mer1'));
    expect(about.map(({ to }) => to[0]).sort()).toEqual(['owner@localhost', 'second@localhost']);
    expect(about.every(({ text }) => text.includes('The key lives on'))).toBe(true);
    await report([{ token: key.secret, type: 't' }]);
    expect(await mailsOf(key.apiKeyId)).toHaveLength(4);
  });
});

describe('what is heard of changed keys', () => {
  it('is read whatever else a later release says of a leaked key; what cannot be read holds up nothing', async () => {
    const key = newKey();
    const values = [
      'not JSON',
      'null',
      '[]',
      { change: 'leaked' },
      { change: 'leaked', apiKeyId: 'nul \u0000', digests: [key.digest] },
      { change: 'leaked', apiKeyId: 'half \ud800', digests: [key.digest] },
      { change: 'leaked', apiKeyId: 'k', digests: ['too short'] },
      { change: 'quarantined', apiKeyId: 'k', digests: [key.digest] },
      { change: 'leaked', apiKeyId: key.apiKeyId, digests: [key.digest], state: 'quarantined', addedLater: { x: 1 } },
    ];
    await changes.publisher.publish(
      KEYS_CHANGED_V1,
      values.map((value) => ({ key: 'k', value: typeof value === 'string' ? value : JSON.stringify(value) })),
    );
    await vi.waitFor(async () => expect(await mailsOf(key.apiKeyId)).toHaveLength(2), 20_000);
  });
});

describe('a mail that is owed', () => {
  it('is tried until it is sent', async () => {
    const key = newKey();
    const waiting = () => database.dataSource.query('SELECT id FROM scanning.leak_mail WHERE sent_at IS NULL');
    await vi.waitFor(async () => expect(await waiting(), 'mails of other tests').toEqual([]), 30_000);
    mailWorks = false;
    await report([{ token: key.secret, type: 't' }]);
    await vi.waitFor(
      async () => expect((await mailsOf(key.apiKeyId)).every(({ attempts }) => attempts > 0)).toBe(true),
      30_000,
    );
    expect((await mailsOf(key.apiKeyId)).map(({ sent_at }) => sent_at)).toEqual([null, null]);
    expect(await registry.metrics()).toContain('tollgate_secret_scanning_mails_waiting{service="test"} 2');
    mailWorks = true;
    await vi.waitFor(
      async () =>
        expect(await mailsOf(key.apiKeyId)).toMatchObject([
          { sent_at: expect.any(Date) },
          { sent_at: expect.any(Date) },
        ]),
      30_000,
    );
  });
});

describe('a finding that was never answered', () => {
  it('goes to the bus once its process must have died, once, and is forgotten after a day', async () => {
    const store = app.get(LeakStore);
    const digest = 'c'.repeat(64);
    // The time is far ahead, so that the service's own search does not find it first.
    const received = new Date('2100-01-01T00:00:00Z');
    await store.add([{ digest, origin: 'github', url: '', source: '', tokenType: '' }], received);
    expect(await store.escalateReceivedBefore(received, new Date())).toBe(0);
    expect(await store.escalateReceivedBefore(new Date(received.getTime() + 1), new Date())).toBe(1);
    expect(await store.escalateReceivedBefore(new Date(received.getTime() + 1), new Date())).toBe(0);
    await store.forgetReceivedBefore(new Date(received.getTime() + 1));
    expect((await findings()).map((each) => each.digest)).not.toContain(digest);
  });
});

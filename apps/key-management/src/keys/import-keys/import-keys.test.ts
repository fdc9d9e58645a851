import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { allDigestsOf, importedDigests, type ActiveSnapshot } from '@tollgate/api-key';
import { NOBODY } from '@tollgate/auth';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, PEPPER, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { FinishImports } from './finish-imports.js';
import { ImportKeys } from './import-keys.js';
import { ImportStore } from './import-store.js';

let stage: KeyManagementStage;
const snapshots = new MemoryKeySnapshots();
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots,
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
});
afterAll(() => stage?.stop());

const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const linesOf = (lines: readonly unknown[]): string => lines.map((line) => JSON.stringify(line)).join('\n');

interface Told {
  readonly id: string;
  readonly secret: string;
  readonly masked_key: string;
  readonly imported: number;
  readonly errors: readonly { readonly line: number; readonly path: string; readonly message: string }[];
  readonly data: readonly { readonly name: string }[];
}
interface Reply {
  readonly status: number;
  readonly body: Told;
}
async function call(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: string, headers = {}): Promise<Reply> {
  const reply = await stage.app.inject({
    method,
    url,
    ...(payload !== undefined && { payload }),
    headers: { authorization: `Bearer ${ADMIN}`, ...headers },
  });
  return { status: reply.statusCode, body: reply.json<Told>() };
}
const importKeys = (lines: string | readonly unknown[], mode = 'all', headers = {}): Promise<Reply> =>
  call('POST', `/v1/api-keys/import?mode=${mode}`, typeof lines === 'string' ? lines : linesOf(lines), {
    'content-type': 'application/x-ndjson',
    ...headers,
  });
/** As a gateway asks about a secret of any form. */
const snapshotOf = async (secret: string) => {
  const [first, ...others] = allDigestsOf(secret, [PEPPER]);
  const { snapshot } = await stage.api.verifyKey(first!, null, others);
  return snapshot as ActiveSnapshot | null;
};
const query = <T>(sql: string): Promise<T[]> => stage.database.dataSource.query(sql);
const numberOf = async (sql: string): Promise<number> => Number((await query<{ n: string }>(sql))[0]!.n);
let made = 0;
const newSecret = (): string => `sk-other-product-${made++}-${Math.random().toString(36).slice(2)}`;

describe('an import', () => {
  it('makes keys that are found by the secrets that their clients have, and are keys like others', async () => {
    const [whole, cut] = [newSecret(), newSecret()];
    const { status, body } = await importKeys([
      {
        sha256: sha256(whole),
        name: 'whole',
        scopes: ['inference:write'],
        credit_limit_usd: '5.25',
        rate_limits: { requests_per_minute: 7 },
        models: ['gpt-*'],
        allowed_ips: ['10.0.0.0/8'],
        expires_at: '2030-01-01T00:00:00Z',
      },
      { sha256: sha256(cut.slice(3)), name: 'cut', form: 'without_prefix' },
    ]);
    expect([status, body]).toEqual([
      200,
      { object: 'api_key_import', mode: 'all', lines: 2, valid: 2, imported: 2, errors: [], errors_left_out: 0 },
    ]);
    expect(await snapshotOf(whole)).toMatchObject({
      state: 'active',
      name: 'whole',
      scopes: ['inference:write'],
      models: ['gpt-*'],
      allowedIps: ['10.0.0.0/8'],
      expiresAtMs: Date.UTC(2030, 0, 1),
      rateLimits: { requestsPerMinute: 7 },
      secrets: [{ form: 'sha256' }],
    });
    expect(await snapshotOf(cut)).toMatchObject({ name: 'cut', secrets: [{ form: 'sha256_without_prefix' }] });
    expect(snapshots.mayHaveImportedKeys()).toBe(true);
    for (const nobodys of [cut.slice(3), sha256(whole), `sha256:${sha256(whole)}`, `sk-${sha256(cut.slice(3))}`])
      expect(await snapshotOf(nobodys), 'what is no secret of these keys').toBeNull();
    const id = (await snapshotOf(whole))!.apiKeyId;
    const shown = (await call('GET', `/v1/api-keys/${id}`)).body;
    expect(shown).toMatchObject({ name: 'whole', credit_limit_usd: '5.25', created_by: { type: 'admin_secret' } });
    expect(shown.masked_key).toBe(`sha256:${sha256(whole).slice(0, 8)}…`);
    expect((await call('GET', '/v1/api-keys')).body.data.map((key) => key.name)).toEqual(
      expect.arrayContaining(['whole', 'cut']),
    );
    expect((await call('DELETE', `/v1/api-keys/${id}`)).status).toBe(200);
    expect(await snapshotOf(whole)).toMatchObject({ state: 'revoked', reason: 'deleted' });
    expect(
      await numberOf(
        `SELECT count(*) AS n FROM keys.api_key_secret WHERE encode(digest, 'hex') = '${sha256(cut.slice(3))}'`,
      ),
    ).toBe(0);
  });

  it('reads digests however they are written, and reports the rest without repeating anything of it', async () => {
    const secrets = Array.from({ length: 4 }, newSecret);
    const [hex, base64] = [
      sha256(secrets[0]!).toUpperCase(),
      Buffer.from(sha256(secrets[1]!), 'hex').toString('base64'),
    ];
    const clear = newSecret();
    const body = [
      JSON.stringify({ sha256: hex, name: 'upper case' }),
      JSON.stringify({ sha256: `sha256:${base64}`, name: 'base64' }),
      '',
      JSON.stringify({ sha256: clear, name: 'a clear secret' }),
      JSON.stringify({ name: 'no digest' }),
      `{"sha256":"${sha256(secrets[2]!)}","name":"broken`,
      `{"sha256":"${sha256(secrets[2]!)}","name":"a","name":"b"}`,
      JSON.stringify({ sha256: sha256(secrets[2]!), name: 'unknown field', budget: 3 }),
      JSON.stringify({ sha256: hex.toLowerCase(), name: 'the first again' }),
      JSON.stringify({ sha256: sha256(secrets[2]!), name: 'x'.repeat(70_000) }),
      JSON.stringify({ sha256: sha256(secrets[2]!), name: 'past', expires_at: '2020-01-01T00:00:00Z' }),
      JSON.stringify({ sha256: sha256(secrets[3]!), name: 'no scope', scopes: [] }),
      '["not an object"]',
    ].join('\r\n');
    const report = await importKeys(body, 'report');
    expect(report.status).toBe(200);
    expect(report.body).toMatchObject({ mode: 'report', lines: 12, valid: 2, imported: 0, errors_left_out: 0 });
    expect(report.body.errors.map(({ line, path }) => [line, path])).toEqual([
      [4, 'sha256'],
      [5, 'sha256'],
      [6, ''],
      [7, ''],
      [8, 'budget'],
      [9, 'sha256'],
      [10, ''],
      [11, 'expires_at'],
      [12, 'scopes'],
      [13, ''],
    ]);
    expect(await snapshotOf(secrets[0]!)).toBeNull();
    const refused = await importKeys(body);
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(refused.body.errors.map(({ path }) => path)).toContain('line 4: sha256');
    for (const { body: told } of [report, refused])
      for (const value of [clear, ...secrets.map(sha256), 'no scope', 'not an object'])
        expect(JSON.stringify(told)).not.toContain(value);
    expect(await snapshotOf(secrets[0]!)).toBeNull();
    expect(await numberOf('SELECT count(*) AS n FROM keys.key_import WHERE live_at IS NULL')).toBe(0);
  });

  it('never takes a key that exists, whoever’s and whatever its state, nor says whose it is', async () => {
    const secret = newSecret();
    await importKeys([{ sha256: sha256(secret), name: 'of the first' }]);
    const { apiKeyId } = (await snapshotOf(secret))!;
    const other = (
      await call('POST', '/v1/organizations', '{"name":"another"}', { 'content-type': 'application/json' })
    ).body.id;
    const replies: unknown[] = [];
    for (const organization of ['default', other]) {
      for (const mode of ['all', 'report']) {
        const free = newSecret();
        const lines = [
          { sha256: sha256(free), name: 'free' },
          { sha256: sha256(secret), name: 'taken' },
        ];
        const { body } = await importKeys(lines, mode, { 'x-organization-id': organization });
        replies.push([body.errors.length, body.errors[0]!.message]);
        expect(await snapshotOf(free)).toBeNull();
      }
    }
    await call('POST', `/v1/api-keys/${apiKeyId}/revoke`);
    const after = await importKeys([{ sha256: sha256(secret), name: 'again' }]);
    replies.push([after.body.errors.length, after.body.errors[0]!.message]);
    expect(new Set(replies.map((each) => JSON.stringify(each)))).toEqual(
      new Set(['[1,"belongs to a key that exists already"]']),
    );
    expect(await snapshotOf(secret)).toMatchObject({ apiKeyId, organizationId: 'default', state: 'revoked' });
  });

  it('takes a body of lines alone, and needs the role and the scopes that it hands out', async () => {
    const secret = newSecret();
    const line = { sha256: sha256(secret), name: 'a key', scopes: ['admin'] };
    for (const [headers, status] of [
      [{ 'content-type': 'application/json' }, 415],
      [{ 'content-encoding': 'gzip' }, 415],
      [{ authorization: 'Bearer wrong' }, 401],
    ] as const)
      expect((await importKeys([line], 'all', headers)).status).toBe(status);
    expect((await importKeys('', 'all')).status).toBe(400);
    expect((await importKeys('\n\n', 'all')).status).toBe(400);
    expect((await importKeys([line], 'everything')).status).toBe(400);
    const maker = (
      await call('POST', '/v1/api-keys', '{"name":"maker","scopes":["admin"],"credit_limit_usd":"1"}', {
        'content-type': 'application/json',
      })
    ).body.secret;
    const above = await importKeys([line], 'report', { authorization: `Bearer ${maker}` });
    expect(above.body.errors).toEqual([
      { line: 1, path: 'credit_limit_usd', message: expect.stringContaining('at most 1') },
    ]);
    const admin = await importKeys([line]);
    expect(admin.status).toBe(200);
    const me = await call('GET', '/v1/api-keys', undefined, { authorization: `Bearer ${secret}` });
    expect(me.status, 'an imported key with the scope admin at the admin API').toBe(200);
    expect((await call('GET', '/v1/api-keys', undefined, { authorization: `Bearer ${sha256(secret)}` })).status).toBe(
      401,
    );
  });

  it('has one entry of the audit trail for a piece, which names its keys', async () => {
    const before = await numberOf(`SELECT count(*) AS n FROM keys.audit_entry WHERE action = 'api_key.imported'`);
    const secrets = Array.from({ length: 150 }, newSecret);
    expect((await importKeys(secrets.map((secret) => ({ sha256: sha256(secret), name: 'many' })))).body.imported).toBe(
      150,
    );
    const entries = await query<{ entry: string }>(
      `SELECT entry FROM keys.audit_entry WHERE action = 'api_key.imported' ORDER BY seq OFFSET ${before}`,
    );
    const details = entries.map(
      ({ entry }) => (JSON.parse(entry) as { details: { keys: number; api_key_ids: string[] } }).details,
    );
    expect(details.reduce((sum, each) => sum + each.keys, 0)).toBe(150);
    const id = (await snapshotOf(secrets[149]!))!.apiKeyId;
    expect(details.flatMap((each) => each.api_key_ids)).toContain(id);
    expect(await numberOf('SELECT count(*) AS n FROM keys.key_import WHERE actor IS NOT NULL')).toBe(0);
  });
});

describe('an import that does not come to its end', () => {
  /** Lines of which the last never comes: the body fails, as when a client leaves. */
  const leaving = (secrets: readonly string[]): Readable =>
    Readable.from(
      (async function* () {
        for (const secret of secrets)
          yield Buffer.from(`${JSON.stringify({ sha256: sha256(secret), name: 'left' })}\n`);
        expect(
          await numberOf("SELECT count(*) AS n FROM keys.api_key WHERE import_id IS NOT NULL AND name = 'left'"),
        ).toBeGreaterThan(0);
        for (const secret of secrets) expect(await snapshotOf(secret), 'staged, and nobody’s yet').toBeNull();
        const [first] = secrets;
        expect(
          (await importKeys([{ sha256: sha256(first!), name: 'beside' }], 'report', { 'x-organization-id': 'default' }))
            .status,
        ).toBe(429);
        throw new Error('the client left');
      })(),
    );

  it('leaves no key, and its digests are free again at once', async () => {
    const secrets = Array.from({ length: 120 }, newSecret);
    await expect(
      stage.app.get(ImportKeys).execute('default', 'all', leaving(secrets), NOBODY, new Date()),
    ).rejects.toThrow('the client left');
    expect(await numberOf(`SELECT count(*) AS n FROM keys.api_key WHERE name = 'left'`)).toBe(0);
    expect(await numberOf('SELECT count(*) AS n FROM keys.key_import WHERE live_at IS NULL')).toBe(0);
    expect((await importKeys(secrets.map((secret) => ({ sha256: sha256(secret), name: 'again' })))).body.imported).toBe(
      120,
    );
  });

  it('is ended by any process when its lease has passed: what is live is announced, the rest removed', async () => {
    const [store, finishing] = [stage.app.get(ImportStore), stage.app.get(FinishImports)];
    const secrets = Array.from({ length: 2 }, newSecret);
    const imports = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'].map((id) => ({
      organizationId: 'default',
      id,
    }));
    const { LineCheck } = await import('./check-lines.js');
    for (const [at, which] of imports.entries()) {
      await store.begin(which, NOBODY, new Date());
      const check = new LineCheck({ organizationId: 'default', giver: null, peppers: [PEPPER], now: new Date() });
      const line = check.check({
        number: 1,
        bytes: Buffer.from(JSON.stringify({ sha256: sha256(secrets[at]!), name: 'of a dead process' })),
      });
      if (!('key' in line)) throw new Error(JSON.stringify(line));
      expect(await store.stage(which, 1, [line.key], NOBODY, ['a pepper'])).toEqual([]);
    }
    await store.makeLive(imports[1]!);
    expect([await snapshotOf(secrets[0]!), (await snapshotOf(secrets[1]!))?.name]).toEqual([null, 'of a dead process']);
    await finishing.finish();
    expect(await numberOf(`SELECT count(*) AS n FROM keys.api_key WHERE name = 'of a dead process'`)).toBe(2);
    await query(
      `UPDATE keys.key_import SET lease_until = now() - interval '1 second' WHERE announced < pieces OR live_at IS NULL`,
    );
    await finishing.finish();
    expect(await numberOf(`SELECT count(*) AS n FROM keys.api_key WHERE name = 'of a dead process'`)).toBe(1);
    expect(
      await query("SELECT announced FROM keys.key_import WHERE id = '22222222-2222-4222-8222-222222222222'"),
    ).toEqual([{ announced: 1 }]);
    await expect(store.makeLive(imports[0]!)).rejects.toThrow();
    const [digest] = importedDigests(secrets[1]!, [PEPPER]);
    expect(await snapshots.read(digest!.present)).toMatchObject({ kind: 'found' });
  });
});

describe('who has begun an import and may not do it any more when its last line comes', () => {
  /** Sends a line, does something, and sends another line. */
  async function interrupted(
    authorization: string,
    secrets: readonly [string, string],
    between: () => Promise<unknown>,
  ) {
    const line = (secret: string): string => `${JSON.stringify({ sha256: sha256(secret), name: 'late' })}\n`;
    const payload = Readable.from(
      (async function* () {
        yield Buffer.from(line(secrets[0]));
        await between();
        yield Buffer.from(line(secrets[1]));
      })(),
    );
    const headers = { authorization, 'content-type': 'application/x-ndjson', 'transfer-encoding': 'chunked' };
    const reply = await stage.app.inject({ method: 'POST', url: '/v1/api-keys/import?mode=all', headers, payload });
    return [reply.statusCode, reply.json<{ code?: string }>().code];
  }
  const newAdminKey = async () =>
    (await call('POST', '/v1/api-keys', '{"name":"maker","scopes":["admin","inference:read","inference:write"]}', { 'content-type': 'application/json' }))
      .body; // prettier-ignore

  it.each([
    ['revoked', (id: string) => call('POST', `/v1/api-keys/${id}/revoke`), [401, 'invalid_credential']],
    ['disabled', (id: string) => call('POST', `/v1/api-keys/${id}/disable`), [401, 'invalid_credential']],
    [
      'restricted',
      (id: string) => query(`UPDATE keys.api_key SET credit_limit_nano_usd = 1 WHERE id = '${id}' RETURNING id`),
      [403, 'access_denied'],
    ],
  ] as const)('makes no key live: a key that was %s', async (_, end, expected) => {
    const [maker, secrets] = [await newAdminKey(), [newSecret(), newSecret()] as const];
    expect(await interrupted(`Bearer ${maker.secret}`, secrets, () => end(maker.id))).toEqual(expected);
    for (const secret of secrets) expect(await snapshotOf(secret)).toBeNull();
    expect(await numberOf('SELECT count(*) AS n FROM keys.key_import WHERE live_at IS NULL')).toBe(0);
  });

  it('makes keys live if nothing has changed', async () => {
    const [maker, secrets] = [await newAdminKey(), [newSecret(), newSecret()] as const];
    expect(await interrupted(`Bearer ${maker.secret}`, secrets, () => Promise.resolve())).toEqual([200, undefined]);
    for (const secret of secrets) expect(await snapshotOf(secret)).toMatchObject({ name: 'late' });
  });

  it('makes no key live: a person who was removed, demoted or signed out', async () => {
    const [personId, sessionId] = [randomUUID(), randomUUID()];
    const principal = {
      kind: 'person',
      personId,
      sessionId,
      organizationId: 'default',
      role: 'owner',
      provenAtMs: 0,
    } as const;
    const member = `INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ('default', '${personId}', 'a@example.org', 'owner')`;
    const session = `INSERT INTO keys.session (id, digest, person_id, method, created_at, proven_at, seen_at, expires_at)
      VALUES ('${sessionId}', sha256('x'), '${personId}', 'password', now(), now(), now(), now() + interval '1 hour')`;
    await query(`INSERT INTO keys.person (id, email, name) VALUES ('${personId}', 'a@example.org', 'Ann')`);
    const imported = async (changed: string | null): Promise<unknown> => {
      for (const statement of ['DELETE FROM keys.member', 'DELETE FROM keys.session'])
        await query(`${statement} WHERE person_id = '${personId}'`);
      await query(member);
      await query(session);
      const body = (async function* () {
        yield Buffer.from(JSON.stringify({ sha256: sha256(newSecret()), name: 'late' }));
        if (changed !== null) await query(changed);
      })();
      const actor = { ...NOBODY, principal };
      const reply = stage.app.get(ImportKeys).execute('default', 'all', body, actor, new Date());
      return reply.then(
        ({ imported: keys }) => keys,
        (error: { code?: string }) => error.code,
      );
    };
    expect(await imported(null)).toBe(1);
    expect(await imported(`DELETE FROM keys.member WHERE person_id = '${personId}'`)).toBe('access_denied');
    expect(await imported(`UPDATE keys.member SET role = 'admin' WHERE person_id = '${personId}'`)).toBe(
      'access_denied',
    );
    expect(await imported(`DELETE FROM keys.session WHERE person_id = '${personId}'`)).toBe('invalid_credential');
  });
});

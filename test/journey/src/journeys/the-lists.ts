import { createHash, randomBytes } from 'node:crypto';
import { waitUntil } from '@tollgate/infra';
import { beforeAll, describe, expect, it } from 'vitest';
import { placesWithSecrets } from '../kit/canary-scan.js';
import type { Reply } from '../kit/chat-reply.js';
import { nanoUsd, usd } from '../kit/prices.js';
import { costOfEntry, providerEntry } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import type { ApiKey, CreatedKey, KeyList, TollgateClient } from '../kit/tollgate-client.js';

/** How soon a change of a key counts at every gateway. */
const WITHIN_MS = 1_000;
/** How long is waited for spend and last use of a key in lists: 5 s is promised to a machine at rest. */
const USE_LAG_MS_MAX = 30_000;
const REVOKE_MS_MAX = 500;
/** Enough for several pieces of a bulk, and for some revokes meanwhile. */
const MANY = 400;
const PAGE_KEYS = 7;
/** Open to groups only, in the configuration of the journeys. */
const CLOSED = 'any-closed';

/** A key as a list shows it. */
interface Row extends ApiKey {
  readonly description: string | null;
  readonly project_id: string | null;
  readonly accessible_routes: number;
}

interface BulkItem {
  readonly id: string;
  readonly status: number;
  readonly outcome: string;
  readonly state: string | null;
  readonly code: string | null;
}

interface BulkResult {
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly results: readonly BulkItem[];
}

/** An organisation whose keys differ in all that a list asks about. */
interface Listed {
  readonly client: TollgateClient;
  readonly groupId: string;
  readonly projectId: string;
  /** Called twice and once; no other key was used. */
  readonly used: readonly [CreatedKey, CreatedKey];
  readonly rows: readonly Row[];
}

type Fields = Readonly<Record<string, string>>;

/** Each order as the document describes it: by a value, and where that is equal by the id. */
const SORTS: Readonly<Record<string, (row: Row) => string | bigint>> = {
  name: ({ name }) => name.toLowerCase(),
  created: ({ created_at: createdAt }) => createdAt,
  /** A key that was never used counts as used before all others. */
  last_used: ({ last_used_at: lastUsedAt }) => lastUsedAt ?? '',
  spend: ({ credit_used_usd: used }) => nanoUsd(used),
  /** A key that never expires counts as expiring after all others. */
  expiry: ({ expires_at: expiresAt }) => expiresAt ?? 'never',
};

function sorted(rows: readonly Row[], sort: string): Row[] {
  const valueOf = SORTS[sort.replace('-', '')]!;
  const sign = sort.startsWith('-') ? -1 : 1;
  const compared = (a: string | bigint, b: string | bigint): number => (a < b ? -1 : a > b ? 1 : 0);
  return rows.toSorted((a, b) => sign * (compared(valueOf(a), valueOf(b)) || compared(a.id, b.id)));
}

/** Each filter, and several together, with what it leaves of the rows. */
function filtersOf({ groupId, projectId, rows }: Listed): [Fields, (row: Row) => boolean][] {
  const middle = rows.map(({ created_at: createdAt }) => createdAt).toSorted()[Math.floor(rows.length / 2)]!;
  const soon = new Date(Date.now() + 10.5 * 86_400_000).toISOString();
  const idle = ({ last_used_at: lastUsedAt, created_at: createdAt }: Row) => (lastUsedAt ?? createdAt) < middle;
  const named = rows.find(({ name }) => name === 'Key 07')!;
  return [
    [{}, () => true],
    ...['active', 'disabled', 'revoked', 'expired'].map((state): [Fields, (row: Row) => boolean] => [
      { state },
      (row) => row.state === state,
    ]),
    ...['router', 'admin', 'project'].map((type): [Fields, (row: Row) => boolean] => [
      { type },
      (row) => row.type === type,
    ]),
    [{ group_id: groupId }, ({ groups }) => groups.includes(groupId)],
    [{ project_id: projectId }, (row) => row.project_id === projectId],
    [{ created_by: 'operator' }, () => true],
    [{ expires_before: soon }, ({ expires_at: expiresAt }) => expiresAt !== null && expiresAt < soon],
    [{ idle_since: middle }, idle],
    [{ q: 'KEY 1' }, ({ name }) => name.toLowerCase().includes('key 1')],
    [{ q: 'billing DESK' }, ({ description }) => description === 'For the billing desk'],
    [{ q: named.id }, ({ id }) => id === named.id],
    [{ q: named.masked_key }, ({ masked_key: masked }) => masked === named.masked_key],
    [{ q: named.masked_key.replace('…', '...') }, ({ masked_key: masked }) => masked === named.masked_key],
    // One of fewer than three characters finds beginnings only.
    [{ q: 'ke' }, ({ name }) => name.toLowerCase().startsWith('ke')],
    [{ q: 'ey' }, () => false],
    [{ q: '%' }, () => false],
    [{ state: 'active', type: 'router' }, ({ state, type }) => state === 'active' && type === 'router'],
    [{ q: 'desk', group_id: groupId }, ({ description, groups }) => description !== null && groups.includes(groupId)],
    [{ state: 'disabled', idle_since: middle }, (row) => row.state === 'disabled' && idle(row)],
  ];
}

/** Keys as they are found, and what is done to many at once, seen in lists and at the gateways. */
export function theLists(shape: () => Shape): void {
  const everyGateway = () => shape().gateways.map((_, gateway) => shape().client(gateway));
  /** What an administrator of the organisation asks of a gateway with this number. */
  const at = (gateway: number, { organizationId }: TollgateClient, method: string, path: string, body?: unknown) =>
    shape().client(gateway).admin(method, path, body, { 'x-organization-id': organizationId! });
  /** Waits until every gateway answers each of these secrets so. */
  const everywhere = (secrets: readonly string[], status: number, model = 'support-bot') =>
    waitUntil(
      async () => {
        const replies = await Promise.all(
          secrets.flatMap((secret) => everyGateway().map((client) => client.chat(secret, { model }))),
        );
        return replies.every((reply) => reply.status === status);
      },
      { what: `every gateway to answer ${status}`, timeoutMs: WITHIN_MS },
    );
  async function done<Shown>(reply: Promise<Reply>): Promise<Shown> {
    const { status, text } = await reply;
    expect([200, 201], text).toContain(status);
    return JSON.parse(text) as Shown;
  }
  const errorPaths = (reply: Reply) => reply.json<{ errors: { path: string }[] }>().errors.map(({ path }) => path);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const importKeys = (client: TollgateClient, secrets: readonly string[], name: string) =>
    done(
      client.admin(
        'POST',
        '/v1/api-keys/import?mode=all',
        secrets.map((secret) => JSON.stringify({ sha256: sha256(secret), name })).join('\n'),
        { 'content-type': 'application/x-ndjson' },
      ),
    );

  describe('the lists', () => {
    let listed: Listed;
    beforeAll(async () => {
      listed = await manyKeys(await shape().client().newOrganization('lists'));
    }, 300_000);

    async function manyKeys(client: TollgateClient): Promise<Listed> {
      const { id: projectId } = await done<{ id: string }>(client.admin('POST', '/v1/projects', { name: 'listed' }));
      const { id: groupId } = await done<{ id: string }>(client.admin('POST', '/v1/groups', { name: 'listed' }));
      await done(client.admin('PUT', `/v1/groups/${groupId}/routes/${CLOSED}`));
      const keys: CreatedKey[] = [];
      for (let n = 0; n < 26; n++)
        keys.push(
          await client.createKey({
            name: `${n % 2 === 0 ? 'KEY' : 'Key'} ${String(n).padStart(2, '0')}`,
            ...(n % 5 === 0 && { description: 'For the billing desk' }),
            ...(n % 3 === 1 && { expires_in_days: n + 1 }),
            ...(n % 4 === 0 && { groups: [groupId] }),
            ...(n % 6 === 0 && { project_id: projectId }),
            ...(n % 9 === 5 && { scopes: ['admin'] }),
          }),
        );
      for (const name of ['tracing', 'tracing too']) {
        const path = `/v1/projects/${projectId}/api-keys`;
        const { secret } = await done<CreatedKey>(client.admin('POST', path, { name }));
        shape().canaries.keySecrets.add(secret);
      }
      for (const n of [2, 8, 13]) await done(client.admin('POST', `/v1/api-keys/${keys[n]!.id}/disable`));
      for (const n of [4, 9]) await done(client.admin('POST', `/v1/api-keys/${keys[n]!.id}/revoke`));
      await client.createKey({ name: 'short', expires_at: new Date(Date.now() + 3_000).toISOString() });
      await client.createKey({ name: 'removed' }).then(({ id }) => client.deleteKey(id));
      const used = [keys[20]!, keys[21]!] as const;
      for (const { secret } of [used[1], used[0], used[0]]) expect((await client.chat(secret)).status).toBe(200);
      const rows = await waitUntil(
        async () => {
          const expired = await client.listKeys('?state=expired');
          if (expired.data.length !== 1) return false;
          for (const sort of ['-last_used', '-spend']) {
            const { data } = await client.listKeys(`?limit=2&sort=${sort}`);
            if (data.map(({ id }) => id).join() !== used.map(({ id }) => id).join()) return false;
            if (nanoUsd(data[0]!.credit_used_usd) <= nanoUsd(data[1]!.credit_used_usd)) return false;
          }
          return (await client.allKeys()) as Row[];
        },
        { what: 'the keys to be listed as they are' },
      );
      return { client, groupId, projectId, used, rows };
    }

    /** The names of all keys that the query finds, page by page. */
    async function pagesOf(fields: Fields): Promise<string[]> {
      const names: string[] = [];
      for (let cursor: string | null = null; ;) {
        const query = new URLSearchParams({
          limit: String(PAGE_KEYS),
          ...fields,
          ...(cursor !== null && { cursor }),
        });
        const page: KeyList = await listed.client.listKeys(`?${query}`);
        expect(page.has_more).toBe(page.next_cursor !== null);
        names.push(...page.data.map(({ name }) => name));
        if (page.next_cursor === null) return names;
        expect(page.data).toHaveLength(PAGE_KEYS);
        cursor = page.next_cursor;
      }
    }

    it('have every key that a filter leaves, once, in every order, page by page', async () => {
      const { client, rows } = listed;
      expect(rows).toHaveLength(29);
      const sorts = Object.keys(SORTS).flatMap((sort) => [sort, `-${sort}`]);
      const asked: [Fields, (row: Row) => boolean][] = sorts.map((sort) => [{ sort }, () => true]);
      for (const [number, [fields, leaves]] of filtersOf(listed).entries())
        asked.push([{ ...fields, sort: sorts[number % sorts.length]! }, leaves]);
      for (const [fields, leaves] of asked) {
        const what = JSON.stringify(fields);
        const expected = sorted(rows.filter(leaves), fields['sort']!).map(({ name }) => name);
        expect(await pagesOf(fields), what).toEqual(expected);
        const found = await done<KeyList>(client.admin('POST', '/v1/api-keys/search', { ...fields, limit: 100 }));
        expect(
          found.data.map(({ name }) => name),
          what,
        ).toEqual(expected);
      }
      expect(await pagesOf({}), 'without an order').toEqual(sorted(rows, '-created').map(({ name }) => name));
    });

    it('tell of each key how many routes it may use', async () => {
      const { groupId, rows } = listed;
      const routesOf = (grouped: boolean) =>
        new Set(
          rows
            .filter(
              ({ type, state, groups }) =>
                type === 'router' && state === 'active' && groups.includes(groupId) === grouped,
            )
            .map(({ accessible_routes: count }) => count),
        );
      const [[inGroup], [inNone]] = [[...routesOf(true)], [...routesOf(false)]];
      expect([routesOf(true).size, routesOf(false).size]).toEqual([1, 1]);
      expect(inGroup).toBe(inNone! + 1);
    });

    it('take a cursor in its own order, filter and organisation only', async () => {
      const { client } = listed;
      const { next_cursor: cursor } = await client.listKeys('?limit=1&sort=name&state=active');
      const status = async (query: string, asking = client) =>
        (await asking.admin('GET', `/v1/api-keys?cursor=${cursor}&${query}`)).status;
      expect(await status('sort=name&state=active')).toBe(200);
      for (const query of ['sort=-name&state=active', 'sort=name', 'sort=name&state=disabled'])
        expect(await status(query), query).toBe(400);
      expect(await status('sort=name&state=active', shape().client())).toBe(400);
    });

    it('show nobody the keys of another organisation, whatever is asked of their groups and ids', async () => {
      const other = await shape().client().newOrganization('beside the lists');
      const { id } = listed.rows[0]!;
      expect((await other.admin('GET', `/v1/api-keys/${id}`)).status).toBe(404);
      for (const query of [`q=${id}`, `group_id=${listed.groupId}`, `project_id=${listed.projectId}`])
        expect((await other.listKeys(`?${query}`)).data, query).toEqual([]);
    });

    it('find the key of a whole secret that is pasted into a search, at every gateway, and repeat nothing of it', async () => {
      const { client, used, rows } = listed;
      const imported = `lm_${randomBytes(24).toString('hex')}`;
      for (const each of [imported, sha256(imported)]) shape().canaries.keySecrets.add(each);
      const owner = await shape().client().newOrganization('searches');
      await importKeys(owner, [imported], 'imported');
      const nameOf = rows.find(({ id }) => id === used[0].id)!.name;
      for (const [asking, secret, name] of [
        [client, used[0].secret, nameOf],
        [owner, imported, 'imported'],
      ] as const)
        for (const gateway of shape().gateways.keys())
          for (const q of [secret, ` Bearer ${secret}\n`, `"${secret}"`, `x-api-key: ${secret}`]) {
            const reply = await at(gateway, asking, 'POST', '/v1/api-keys/search', { q, limit: 1 });
            expect(reply.status, reply.text).toBe(200);
            const { data, next_cursor: cursor } = reply.json<KeyList>();
            expect([data.map((key) => key.name), cursor]).toEqual([[name], null]);
            expect(reply.text).not.toContain(secret);
          }
      const nobodys = await done<KeyList>(owner.admin('POST', '/v1/api-keys/search', { q: used[0].secret }));
      expect(nobodys.data, 'of another organisation').toEqual([]);
    });

    it('refuse a secret in an address: no output of any process has it', async () => {
      const { client, used } = listed;
      const imported = `lm_${randomBytes(24).toString('hex')}`;
      const secrets = [used[0].secret, imported];
      for (const each of [imported, sha256(imported)]) shape().canaries.keySecrets.add(each);
      await importKeys(client, [imported], 'imported');
      for (const gateway of shape().gateways.keys())
        for (const secret of secrets)
          for (const q of [secret, `Bearer ${secret}`, `"${secret}"`]) {
            const reply = await at(gateway, client, 'GET', `/v1/api-keys?q=${encodeURIComponent(q)}`);
            expect([reply.status, reply.code, errorPaths(reply)]).toEqual([400, 'invalid_request', ['q']]);
            expect(reply.text).toContain('POST /v1/api-keys/search');
            expect(reply.text).not.toContain(secret);
          }
      const { data } = await client.listKeys('?q=imported');
      for (const { id } of data) await client.deleteKey(id);
      // What is written later, and all that is stored, the last chapter looks through.
      const outputs = shape().processes.map((process) => ({
        place: `output of ${process.name}`,
        bytes: Buffer.from(process.output()),
      }));
      expect(await placesWithSecrets(secrets, outputs)).toEqual([]);
    });

    it('show spend and last use of a key within 5 s of its call, and its ETag stays', async () => {
      const owner = await shape().client().newOrganization('spends');
      const [first, second] = [await owner.createKey({ name: 'first' }), await owner.createKey({ name: 'second' })];
      const path = `/v1/api-keys/${first.id}`;
      const tag = (await owner.admin('GET', path)).header('etag')!;
      for (const [times, key] of [first, second, first].entries()) {
        const begun = new Date().toISOString();
        const call = await shape()
          .client(times % shape().gateways.length)
          .chat(key.secret);
        expect(call.status).toBe(200);
        await waitUntil(
          async () => {
            const { data } = await owner.listKeys('?sort=-last_used&limit=1');
            return data[0]?.id === key.id && data[0].last_used_at! >= begun;
          },
          { what: 'the key to be the last used one', timeoutMs: USE_LAG_MS_MAX },
        );
        if (times > 0) continue;
        const cost = usd(costOfEntry(providerEntry(shape(), call.requestId)));
        const { data } = await owner.listKeys('?sort=-spend');
        expect(data.map((row) => [row.id, row.credit_used_usd])).toEqual([
          [first.id, cost],
          [second.id, '0'],
        ]);
      }
      expect((await owner.admin('GET', path)).header('etag')).toBe(tag);
      const changed = await owner.admin('PATCH', path, { name: 'renamed' }, { 'if-match': tag });
      expect(changed.status, changed.text).toBe(200);
    });
  });

  describe('many keys at once', () => {
    const bulk = (client: TollgateClient, body: object) =>
      done<BulkResult>(client.admin('POST', '/v1/api-keys/bulk', body));
    async function someKeys(name: string, count: number) {
      const client = await shape().client().newOrganization(name);
      const keys: CreatedKey[] = [];
      for (let n = 0; n < count; n++) keys.push(await client.createKey({ name: `one of ${name}` }));
      return { client, keys, ids: keys.map(({ id }) => id), secrets: keys.map(({ secret }) => secret) };
    }
    const all = (outcome: string, count: number) => ({ changed: 0, unchanged: 0, refused: 0, [outcome]: count });

    it('are disabled, and each is refused at every gateway; enabled, and each works again', async () => {
      const { client, ids, secrets } = await someKeys('switched', 12);
      await everywhere(secrets, 200);
      for (let time = 0; time < 2; time++) {
        const disabled = await bulk(client, { filter: { all: true }, action: 'disable' });
        expect(disabled).toMatchObject(all('changed', ids.length));
        await everywhere(secrets, 401);
        expect(await bulk(client, { ids, action: 'disable' })).toMatchObject(all('unchanged', ids.length));
        const enabled = await bulk(client, { filter: { state: 'disabled' }, action: 'enable' });
        expect(enabled).toMatchObject(all('changed', ids.length));
        await everywhere(secrets, 200);
      }
    });

    it('join a group and have its routes at every gateway, and leave it and have them no more', async () => {
      const { client, ids, secrets } = await someKeys('grouped', 4);
      const { id: groupId } = await done<{ id: string }>(client.admin('POST', '/v1/groups', { name: 'of many' }));
      await done(client.admin('PUT', `/v1/groups/${groupId}/routes/${CLOSED}`));
      await everywhere(secrets, 403, CLOSED);
      const joined = await bulk(client, { filter: { q: 'one of grouped' }, action: 'add_to_group', group_id: groupId });
      expect(joined).toMatchObject(all('changed', ids.length));
      await everywhere(secrets, 200, CLOSED);
      const leaving = { ids: ids.slice(1), action: 'remove_from_group', group_id: groupId };
      expect(await bulk(client, leaving)).toMatchObject(all('changed', ids.length - 1));
      await everywhere(secrets.slice(1), 403, CLOSED);
      await everywhere(secrets.slice(0, 1), 200, CLOSED);
      const ofGroup = await client.listKeys(`?group_id=${groupId}`);
      expect(ofGroup.data.map(({ id }) => id)).toEqual(ids.slice(0, 1));
      const other = await shape().client().newOrganization('beside the group');
      const strange = await other.admin('POST', '/v1/api-keys/bulk', { ...leaving, action: 'add_to_group' });
      expect([strange.status, strange.code]).toEqual([404, 'group_not_found']);
    });

    it('are revoked, by ids and by a filter, and the reply says of each what has become of it', async () => {
      const { client, ids, secrets } = await someKeys('revoked', 6);
      const foreign = await shape().client().createKey();
      const kept = await client.createKey({ name: 'another' });
      await done(client.admin('POST', `/v1/api-keys/${ids[0]}/revoke`));
      const named = await bulk(client, {
        ids: [foreign.id, ids[0]!, ids[1]!, ids[1]!.toUpperCase()],
        action: 'revoke',
      });
      expect(named).toMatchObject({ changed: 1, unchanged: 1, refused: 1 });
      expect(named.results).toMatchObject([
        { id: foreign.id, status: 404, outcome: 'refused', state: null, code: 'api_key_not_found' },
        { id: ids[0], status: 200, outcome: 'unchanged', state: 'revoked', code: null },
        { id: ids[1], status: 200, outcome: 'changed', state: 'revoked', code: null },
      ]);
      const filtered = await bulk(client, { filter: { q: 'one of', state: 'active' }, action: 'revoke' });
      expect(filtered).toMatchObject(all('changed', 4));
      expect(filtered.results.map(({ id }) => id).toSorted()).toEqual(ids.slice(2).toSorted());
      expect(new Set(filtered.results.map(({ state }) => state))).toEqual(new Set(['revoked']));
      await everywhere(secrets, 401);
      await everywhere([foreign.secret, kept.secret], 200);
      const ended = await bulk(client, { ids: [ids[0]!, kept.id], action: 'disable' });
      expect(ended.results.map(({ status, code, state }) => [status, code, state])).toEqual([
        [409, 'api_key_ended', 'revoked'],
        [200, null, 'disabled'],
      ]);
      const removed = await bulk(client, { filter: { all: true }, action: 'delete' });
      expect(removed).toMatchObject(all('changed', ids.length + 1));
      expect((await client.listKeys()).data).toEqual([]);
    });

    it.each([
      [{ filter: {} }, 'filter'],
      [{ filter: { all: true, state: 'active' } }, 'filter.all'],
      [{ filter: { stat: 'active', all: true } }, 'filter.stat'],
      [{ ids: [] }, 'ids'],
      [{}, 'ids'],
    ])('are none for %j: it is refused, and every key goes on', async (body, path) => {
      const { client, secrets } = await someKeys('spared', 1);
      const reply = await client.admin('POST', '/v1/api-keys/bulk', { ...body, action: 'revoke' });
      expect([reply.status, errorPaths(reply)], reply.text).toEqual([400, [path]]);
      await everywhere(secrets, 200);
    });

    it('are ended by a key that is one of them: it comes last, and its reply arrives', async () => {
      const { client, ids, secrets } = await someKeys('acted on', 3);
      const acting = await client.createKey({ name: 'acting', scopes: ['admin'] });
      const body = { filter: { all: true }, action: 'revoke' };
      const act = () =>
        shape()
          .client()
          .call({
            method: 'POST',
            path: '/v1/api-keys/bulk',
            headers: { authorization: `Bearer ${acting.secret}` },
            body,
          });
      const { results, ...counts } = await done<BulkResult>(act());
      expect(counts).toMatchObject(all('changed', ids.length + 1));
      expect(results.map(({ id }) => id).toSorted()).toEqual([...ids, acting.id].toSorted());
      await everywhere([...secrets, acting.secret], 401);
      expect((await act()).status).toBe(401);
    });

    it(
      'let a revoke of another key go before them: it is answered meanwhile, and in force',
      { timeout: 300_000 },
      async ({ annotate }) => {
        const { client, keys } = await someKeys('beside many', 8);
        const secrets = Array.from({ length: MANY }, () => `sk-${randomBytes(24).toString('hex')}`);
        await importKeys(client, secrets, 'a row of many');
        await everywhere(secrets.slice(-1), 200);
        let ended = false;
        const begun = performance.now();
        const body = { filter: { q: 'a row of many' }, action: 'revoke' };
        const revoking = bulk(client, body).finally(() => (ended = true));
        const times: number[] = [];
        for (let key = keys.pop(); key !== undefined && !ended; key = keys.pop()) {
          const sentAt = performance.now();
          await done(client.admin('POST', `/v1/api-keys/${key.id}/revoke`));
          times.push(Math.round(performance.now() - sentAt));
          await everywhere([key.secret], 401);
        }
        expect(await revoking).toMatchObject(all('changed', MANY));
        const took = Math.round(performance.now() - begun);
        await annotate(`${MANY} keys in ${took} ms; revokes meanwhile took ${times.join(', ')} ms`);
        // On a busy machine all takes long; a revoke that waited for all of them would take as long as they.
        expect(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(
          Math.max(REVOKE_MS_MAX, took / 2),
        );
        await everywhere([secrets[0]!, secrets.at(-1)!], 401);
      },
    );
  });
}

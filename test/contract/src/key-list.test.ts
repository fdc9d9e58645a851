import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { infraFromEnvironment } from '@tollgate/infra';
import {
  KEY_SORTS,
  KeyListSql,
  KeyListStore,
  keyManagementSchema,
  type KeyFilters,
  type KeySort,
  type ListBounds,
} from '@tollgate/key-management';
import { migrate, openDatabase, ServiceDatabase, startEmbeddedPostgres, type Database } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBelow } from './random-below.js';

/** A key as the test knows it. Moments are microseconds since 2026-11-01, so that none is lost. */
interface Known {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly masked: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  readonly spend: bigint;
  readonly kind: 'router' | 'project' | 'subscription';
  readonly projectId: string | null;
  readonly maker: string | null;
  readonly disabled: boolean;
  readonly revoked: boolean;
  readonly groups: readonly string[];
}

const NOW = new Date('2026-11-20T00:00:00Z');
const BEGIN = Date.UTC(2026, 10, 1);
const NOW_US = (NOW.getTime() - BEGIN) * 1_000;
const moment = (us: number | null): string | null =>
  us === null
    ? null
    : `${new Date(BEGIN + Math.floor(us / 1_000)).toISOString().slice(0, -1)}${String(us % 1_000).padStart(3, '0')}Z`;

const seed = randomInt(2 ** 31);
const below = randomBelow(seed, 0);
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)]!;
const NAMES = ['bot', 'Bot', 'a_b', 'a%b', 'a\\b', 'axb', 'Ärger', '100%', 'z', 'zz', '🦊 den', "o'neil", 'number 7'];
const [PROJECTS, MAKERS, GROUPS] = [2, 2, 3].map((count) => Array.from({ length: count }, () => randomUUID())) as [
  string[],
  string[],
  string[],
];

/** Half of the moments are equal, others a microsecond apart. */
const crowded = (days: number): number => days * 86_400_000_000 + (below(2) === 0 ? 0 : below(5));

function randomKey(): Known {
  const kind = oneOf(['router', 'router', 'project', 'subscription'] as const);
  const hex = randomUUID();
  return {
    id: randomUUID(),
    name: oneOf(NAMES),
    description: oneOf([null, null, 'for a customer', 'B\nline', '%']),
    masked: `sk-${hex.slice(0, 3)}…${hex.slice(9, 13)}`,
    createdAt: crowded(below(3)),
    expiresAt: oneOf([null, crowded(15), crowded(25)]),
    lastUsedAt: oneOf([null, crowded(4), crowded(6)]),
    spend: oneOf([0n, 5n, 9_007_199_254_740_993n, 9_007_199_254_740_992n]),
    kind,
    projectId: kind === 'project' ? oneOf(PROJECTS) : null,
    maker: oneOf([null, ...MAKERS]),
    disabled: below(5) === 0,
    revoked: below(5) === 0,
    groups: GROUPS.filter(() => below(3) === 0),
  };
}

function stateOf({ revoked, disabled, expiresAt }: Known): string {
  if (revoked) return 'revoked';
  if (expiresAt !== null && expiresAt <= NOW_US) return 'expired';
  return disabled ? 'disabled' : 'active';
}

function matches(key: Known, filters: KeyFilters): boolean {
  const { text, state, type, groupId, projectId, createdBy, expiresBefore, idleSince } = filters;
  const since = (asked: string): number => (Date.parse(asked) - BEGIN) * 1_000;
  const texts = [key.name, key.description?.replaceAll('\n', ' ') ?? '', key.masked, key.id].map((one) =>
    one.toLowerCase(),
  );
  const sought = text?.text.toLowerCase() ?? '';
  return (
    (text === undefined || texts.some((one) => (text.beginning ? one.startsWith(sought) : one.includes(sought)))) &&
    (state === undefined || stateOf(key) === state) &&
    (type === undefined || key.kind === type) &&
    (groupId === undefined || key.groups.includes(groupId)) &&
    (projectId === undefined || key.projectId === projectId) &&
    (createdBy === undefined || ('kind' in createdBy ? key.maker === null : key.maker === createdBy.id)) &&
    (expiresBefore === undefined || (key.expiresAt !== null && key.expiresAt < since(expiresBefore))) &&
    (idleSince === undefined || (key.lastUsedAt ?? key.createdAt) < since(idleSince))
  );
}

const ascii = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
/** By code points, as the database compares bytes of UTF-8. */
const bytes = (text: string): string => Buffer.from(text).toString('hex');
function placeOf(key: Known, by: KeySort): string | bigint {
  switch (by) {
    case 'name':
      return bytes(ascii(key.name));
    case 'created':
      return BigInt(key.createdAt);
    case 'last_used':
      return BigInt(key.lastUsedAt ?? -1);
    case 'spend':
      return key.lastUsedAt === null ? 0n : key.spend;
    case 'expiry':
      return BigInt(key.expiresAt ?? Number.MAX_SAFE_INTEGER);
  }
}

function expected(keys: readonly Known[], filters: KeyFilters, by: KeySort, descending: boolean): string[] {
  const sorted = keys
    .filter((key) => matches(key, filters))
    .map((key) => [placeOf(key, by), key.id] as const)
    .sort(([one, id], [other, otherId]) => (one < other ? -1 : one > other ? 1 : id < otherId ? -1 : 1));
  return (descending ? sorted.reverse() : sorted).map(([, id]) => id);
}

const randomFilters = (keys: readonly Known[]): KeyFilters => {
  const sought = oneOf([
    'bot',
    'a_b',
    'a%b',
    'a\\b',
    '%',
    '_',
    '\\',
    'z',
    'zz',
    '100%',
    'line',
    "o'n",
    '…',
    '---',
    '🦊',
  ]);
  const piece = oneOf([sought, sought, oneOf(keys).id.slice(9, 23), oneOf(keys).masked, oneOf(keys).id]);
  const all: KeyFilters = {
    text: { text: piece, beginning: [...piece].length < 3 },
    state: oneOf(['active', 'disabled', 'revoked', 'expired'] as const),
    type: oneOf(['router', 'project', 'subscription'] as const),
    groupId: oneOf(GROUPS),
    projectId: oneOf(PROJECTS),
    createdBy: oneOf([{ kind: 'operator' } as const, { id: MAKERS[0]! }, { id: MAKERS[1]! }]),
    expiresBefore: moment(crowded(25))!,
    idleSince: moment(crowded(5))!,
  };
  const names = Object.keys(all) as (keyof KeyFilters)[];
  const chosen = new Set([oneOf(names), ...(below(2) === 0 ? [oneOf(names)] : [])]);
  // JavaScript reads milliseconds alone.
  const whole = (text: string): string => new Date(text).toISOString();
  const picked = Object.fromEntries(Object.entries(all).filter(([name]) => chosen.has(name as keyof KeyFilters)));
  return {
    ...picked,
    ...(picked['expiresBefore'] !== undefined && { expiresBefore: whole(all.expiresBefore!) }),
    ...(picked['idleSince'] !== undefined && { idleSince: whole(all.idleSince!) }),
  };
};

async function insertKeys({ dataSource }: Database, organizationId: string, keys: readonly Known[]): Promise<void> {
  await dataSource.query('INSERT INTO keys.organization (id, name) VALUES ($1, $1)', [organizationId]);
  for (const [table, ids] of [['project', PROJECTS] as const, ['key_group', GROUPS] as const])
    for (const id of ids)
      await dataSource.query(
        `INSERT INTO keys.${table} (organization_id, id, name, created_at, version) VALUES ($1, $2, $2::uuid::text, now(), 1)`,
        [organizationId, id],
      );
  for (const key of keys) {
    await dataSource.query(
      `INSERT INTO keys.api_key (id, organization_id, name, description, scopes, created_at, version, kind, public_key, project_id,
         expires_at, disabled_at, revoked_at, revoke_reason, created_by_kind, created_by_id, writer)
       VALUES ($1, $2, $3, $4, '{inference:write}', $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)`,
      [
        key.id,
        organizationId,
        key.name,
        key.description,
        moment(key.createdAt),
        key.kind,
        key.kind === 'project' ? `pk-${key.id}` : null,
        key.projectId,
        moment(key.expiresAt),
        key.disabled ? NOW : null,
        key.revoked ? NOW : null,
        key.revoked ? 'revoked' : null,
        key.maker === null ? 'operator' : 'person',
        key.maker,
      ],
    );
    await dataSource.query(
      `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at)
       VALUES (sha256($1::uuid::text::bytea), $2, $1, 'none', $3, now())`,
      [key.id, organizationId, key.masked],
    );
    for (const groupId of key.groups)
      await dataSource.query('INSERT INTO keys.group_key (organization_id, group_id, api_key_id) VALUES ($1, $2, $3)', [
        organizationId,
        groupId,
        key.id,
      ]);
    if (key.lastUsedAt !== null)
      await dataSource.query(
        `INSERT INTO keys.api_key_use (organization_id, api_key_id, sequence, requests, input_tokens, output_tokens, charged_nano_usd,
           day, charged_today_nano_usd, charged_this_week_nano_usd, charged_this_month_nano_usd, last_used_at)
         VALUES ($1, $2, 1, 1, 1, 1, $3, '2026-11-10', 0, 0, 0, $4)`,
        [organizationId, key.id, key.spend.toString(), moment(key.lastUsedAt)],
      );
  }
}

const shapes = {
  'a Postgres server': async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, keyManagementSchema);
    const database = await openDatabase({ url, poolSize: 2, applicationName: 'contract' });
    return { database, stop: () => database.close() };
  },
  'the embedded Postgres': async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-key-list-'));
    const embedded = await startEmbeddedPostgres(join(folder, 'postgres'));
    await migrate(embedded.url, keyManagementSchema);
    const database = await openDatabase({ url: embedded.url, poolSize: 1, applicationName: 'contract' });
    const stop = async (): Promise<void> => {
      await database.close();
      await embedded.close();
      await rm(folder, { recursive: true, force: true });
    };
    return { database, stop };
  },
};

describe.each(Object.entries(shapes))('lists of keys on %s', (_shape, start) => {
  const organizationId = randomUUID();
  const keys = Array.from({ length: 60 }, randomKey);
  let database: Database;
  let store: KeyListStore;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    console.log(`seed ${seed}`);
    ({ database, stop } = await start());
    store = new KeyListStore(new ServiceDatabase(database.dataSource, 'keys'));
    await insertKeys(database, organizationId, keys);
    await insertKeys(database, randomUUID(), Array.from({ length: 10 }, randomKey));
  }, 60_000);
  afterAll(() => stop?.());

  async function walk(
    filters: KeyFilters,
    by: KeySort,
    descending: boolean,
    limit: () => number,
    bounds?: ListBounds,
  ): Promise<string[]> {
    const found: string[] = [];
    for (let after: Awaited<ReturnType<KeyListStore['page']>>[number]['position'] | null = null; ;) {
      const count = limit();
      const page = await store.page(
        { organizationId, filters, order: { by, descending }, after, count, now: NOW },
        bounds,
      );
      found.push(...page.map(({ key }) => key.id));
      if (page.length < count) return found;
      after = page.at(-1)!.position;
    }
  }

  it.each(KEY_SORTS.flatMap((by) => [[by, 'up'] as const, [by, 'down'] as const]))(
    'have each key once, sorted by %s %s, in pages of one key and of any size',
    async (by, direction) => {
      const inOrder = expected(keys, {}, by, direction === 'down');
      expect(await walk({}, by, direction === 'down', () => 1)).toEqual(inOrder);
      expect(await walk({}, by, direction === 'down', () => 1 + below(20))).toEqual(inOrder);
    },
  );

  it('have exactly the keys that all filters leave, in each order', async () => {
    for (let round = 0; round < 80; round++) {
      const [filters, by, descending] = [randomFilters(keys), oneOf(KEY_SORTS), below(2) === 0];
      const found = await walk(filters, by, descending, () => 1 + below(20));
      expect(found, JSON.stringify({ filters, by, descending })).toEqual(expected(keys, filters, by, descending));
      expect(await store.count({ organizationId, filters, now: NOW })).toBe(found.length);
    }
  });

  it('have the same keys in whichever way they are found', async () => {
    for (let round = 0; round < 120; round++) {
      const [filters, by, descending] = [randomFilters(keys), oneOf(KEY_SORTS), below(2) === 0];
      const bounds = { candidates: oneOf([0, 4]), walk: 1 + below(30), askingWalk: 1 + below(30) };
      const found = await walk(filters, by, descending, () => 1 + below(12), bounds);
      const asked = JSON.stringify({ filters, by, descending, bounds });
      expect(found, asked).toEqual(expected(keys, filters, by, descending));
    }
  });

  it('are searched in no other organisation, whatever the function is asked', async () => {
    const rows = await new ServiceDatabase(database.dataSource, 'keys').inOrganization('default', (manager) =>
      manager.query<object[]>('SELECT * FROM keys.api_keys_matching($1, $2)', [organizationId, 'bot']),
    );
    expect(rows).toEqual([]);
  });

  it('follow a key that is renamed, revoked or deleted', async () => {
    const key = keys.find(({ revoked }) => !revoked)!;
    const found = async (text: string): Promise<string[]> =>
      store.ids({
        organizationId,
        filters: { text: { text, beginning: false }, ids: [key.id] },
        order: { by: 'spend', descending: false },
        after: null,
        count: 5,
        now: NOW,
      });
    const set = (what: string): Promise<unknown> =>
      database.dataSource.query(
        `UPDATE keys.api_key SET ${what}, version = version + 1, writer = version + 1 WHERE id = $1`,
        [key.id],
      );
    await set(`name = 'Entirely Other'`);
    expect(await found('ely oth')).toEqual([key.id]);
    expect(await found(key.masked)).toEqual([key.id]);
    await set(`revoked_at = now(), revoke_reason = 'revoked'`);
    const filters = { state: 'revoked', ids: [key.id] } as const;
    const order = { by: 'last_used', descending: true } as const;
    expect(await store.ids({ organizationId, filters, order, after: null, count: 5, now: NOW })).toEqual([key.id]);
    await set('deleted_at = now()');
    expect(await found('ely oth')).toEqual([]);
  });
});

describe('lists of a large organisation', () => {
  const organizationId = randomUUID();
  let database: Database;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ database, stop } = await shapes['a Postgres server']());
    await database.dataSource.query('INSERT INTO keys.organization (id, name) VALUES ($1, $1)', [organizationId]);
    await database.dataSource.query(
      `INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version, writer, created_by_kind, created_by_id, expires_at)
       SELECT gen_random_uuid(), $1, 'key ' || n, CASE WHEN n % 100 = 0 THEN '{admin}'::text[] ELSE '{inference:write}' END,
         now() - n * interval '1 second', 1, 1, 'person', md5((n % 100)::text)::uuid, CASE WHEN n % 100 = 0 THEN now() END
       FROM generate_series(1, 10000) AS n`,
      [organizationId],
    );
    await database.dataSource.query('ANALYZE');
  }, 60_000);
  afterAll(() => stop?.());

  const sqlOf = (filters: KeyFilters, by: KeySort): KeyListSql =>
    new KeyListSql({
      organizationId,
      filters,
      order: { by, descending: true },
      after: [{ name: 'key 5', spend: '0' }[by as string] ?? '2026-11-01T00:00:00.000000Z', randomUUID()],
      count: 10,
      now: NOW,
    });
  /** The plan of a statement under the service's role. */
  async function explained({ text, parameters }: ReturnType<KeyListSql['walk']>): Promise<string> {
    const rows = await new ServiceDatabase(database.dataSource, 'keys').inOrganization(organizationId, (manager) =>
      manager.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN ${text}`, [...parameters]),
    );
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }

  it.each([
    ['name', 'api_key_sorted_by_name'],
    ['created', 'api_key_sorted_by_created'],
    ['expiry', 'api_key_sorted_by_expiry'],
    ['last_used', 'listed_key_by_last_used'],
    ['spend', 'listed_key_by_spend'],
  ] as const)('are walked through in the order of %s by its index, under the policies too', async (by, index) => {
    const plan = await explained(sqlOf({}, by).walk(null));
    expect(plan.match(new RegExp(`using ${index} `, 'g'))).toHaveLength(3);
    expect(plan).toContain('Index Cond: ');
  });

  it.each([
    [{ createdBy: { id: randomUUID() } }, 'api_key_made_by'],
    [{ type: 'admin' }, 'api_key_of_type'],
    [{ expiresBefore: '2026-01-01T00:00:00Z' }, 'api_key_sorted_by_expiry'],
  ] satisfies [KeyFilters, string][])('that %j leaves are found by %s', async (filters, index) => {
    const sql = sqlOf(filters, 'name');
    expect(await explained(sql.counts(sql.candidates(), 5_000))).toContain(index);
  });
});

import { randomInt } from 'node:crypto';
import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { startKafka, startPostgres, startRedis, tempFolder } from '@tollgate/infra';
import { Client as Postgres } from 'pg';
import { Client } from 'undici';
import { secrets, startKeyManagement } from './key-management-alone.js';
import { idOf, LARGE, seedKeyLists } from './seeding/seed-key-lists.js';
import { median } from './statistics.js';

/**
 * Measures lists of keys, and what is done to many of them, on a database with 1,000,000 keys: each filter with each
 * sort, each pair of filters, at the beginning and deep in the list; a new key, a key by its digest, and what a revoke
 * waits while 10,000 others are revoked. All over one connection, through the admin API and so under the policies.
 *
 * `npm run bench:keys` prints a table; `-- --seed N` makes the same database again, `-- --pairs` measures all pairs of
 * filters too, `-- --keys N` takes fewer keys.
 */
const PAGES = 5;
const FILTERS: Readonly<Record<string, string>> = {
  'no filter': '',
  active: 'state=active',
  disabled: 'state=disabled',
  revoked: 'state=revoked',
  expired: 'state=expired',
  'type, most': 'type=router',
  'type, few': 'type=admin',
  'group, a third': `group_id=${idOf('group', 2)}`,
  'group, the oldest': `group_id=${idOf('group', 1)}`,
  'group, few': `group_id=${idOf('group', 50)}`,
  'project, many': `project_id=${idOf('project', 1)}`,
  'project, few': `project_id=${idOf('project', 77)}`,
  'maker, many': `created_by=${idOf('maker', 2)}`,
  'maker, few': `created_by=${idOf('maker', 77)}`,
  operator: 'created_by=operator',
  'expires soon': `expires_before=${daysFromNow(10)}`,
  'expires, none': 'expires_before=2001-01-01T00:00:00Z',
  'idle, most': `idle_since=${daysFromNow(-1)}`,
  'idle, few': `idle_since=${daysFromNow(-690)}`,
  'idle, none': 'idle_since=2001-01-01T00:00:00Z',
  'q, common': 'q=bot',
  'q, one': 'q=bot%20123457',
  'q, none': 'q=nowhere',
  'q, some': 'q=customer%2042',
  'q, beginning': 'q=te',
};
const SORTS = [
  'name',
  '-name',
  'created',
  '-created',
  'last_used',
  '-last_used',
  'spend',
  '-spend',
  'expiry',
  '-expiry',
];

function daysFromNow(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
};
const ms = (value: number): string => value.toFixed(1).padStart(8);

async function main(): Promise<void> {
  const seed = Number(option('seed') ?? randomInt(2 ** 31));
  const keys = Number(option('keys') ?? 1_000_000);
  console.log(`${keys} keys, half of them in one organisation; seed ${seed}; load average ${loadavg()[0]!.toFixed(1)}`);
  const [postgres, redis, kafka] = await Promise.all([startPostgres(), startRedis(), startKafka({ secured: false })]);
  const databaseUrl = await postgres.createDatabase();
  const served = await startKeyManagement(tempFolder('tollgate-key-bench'), {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    KAFKA_BROKERS: kafka.brokers,
  });
  const client = new Client(served.url, { headersTimeout: 0, bodyTimeout: 0 });
  try {
    await seedKeyLists(databaseUrl, { keys, seed }, (line) => console.log(line));
    await measureLists(client, Object.entries(FILTERS));
    if (process.argv.includes('--pairs')) await measureLists(client, pairs());
    await measureKeys(client, databaseUrl);
    await measureBulk(client, served.url);
  } finally {
    await client.close();
    await served.process.stop();
    await Promise.all([postgres.stop(), redis.stop(), kafka.stop()]);
  }
  console.log(`load average ${loadavg()[0]!.toFixed(1)}`);
}

type Json = Record<string, unknown>;
async function ask(client: Client, method: 'GET' | 'POST', path: string, body?: object): Promise<Json> {
  const reply = await client.request({
    method,
    path,
    headers: {
      authorization: `Bearer ${secrets.admin}`,
      'x-organization-id': LARGE,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.body.text();
  if (reply.statusCode >= 300) throw new Error(`${method} ${path} was answered ${reply.statusCode}: ${text}`);
  return JSON.parse(text) as Json;
}

async function timed<T>(work: () => Promise<T>): Promise<{ took: number; result: T }> {
  const begun = performance.now();
  const result = await work();
  return { took: performance.now() - begun, result };
}

function pairs(): [string, string][] {
  const all = Object.entries(FILTERS).filter(([, query]) => query !== '');
  return all.flatMap(([one, first], at) =>
    all
      .slice(at + 1)
      .filter(([, second]) => first.split('=')[0] !== second.split('=')[0])
      .map(([other, second]): [string, string] => [`${one} & ${other}`, `${first}&${second}`]),
  );
}

/** The median of the first pages of a walk, for each filter and sort; the slowest sorts of each are printed. */
async function measureLists(client: Client, filters: readonly (readonly [string, string])[]): Promise<void> {
  const medians: { what: string; took: number }[] = [];
  console.log(
    `\n${'filter'.padEnd(40)}${SORTS.map((sort) => sort.padStart(11)).join('')}   (median ms of ${PAGES} pages)`,
  );
  for (const [what, filter] of filters) {
    const row: number[] = [];
    for (const sort of SORTS) {
      const times: number[] = [];
      let cursor: string | null = '';
      for (let page = 0; page < PAGES; page++) {
        const path: string = `/v1/api-keys?limit=100&sort=${sort}${filter && `&${filter}`}${cursor ? `&cursor=${cursor}` : ''}`;
        const { took, result } = await timed(() => ask(client, 'GET', path));
        times.push(took);
        cursor = (result['next_cursor'] as string | null) ?? '';
      }
      row.push(median(times));
      medians.push({ what: `${what} by ${sort}`, took: median(times) });
    }
    console.log(what.padEnd(40) + row.map((took) => took.toFixed(1).padStart(11)).join(''));
  }
  const sorted = [...medians].sort((one, other) => other.took - one.took);
  console.log(`${medians.length} lists: median ${median(medians.map(({ took }) => took)).toFixed(1)} ms, slowest:`);
  for (const { what, took } of sorted.slice(0, 10)) console.log(`${ms(took)} ms  ${what}`);
}

async function measureKeys(client: Client, databaseUrl: string): Promise<void> {
  const creates: number[] = [];
  for (let n = 0; n < 200; n++)
    creates.push((await timed(() => ask(client, 'POST', '/v1/api-keys', { name: `new key ${n}` }))).took);
  console.log(`\nPOST /v1/api-keys: median ${median(creates).toFixed(1)} ms`);
  const database = new Postgres({ connectionString: databaseUrl });
  await database.connect();
  const digests = await database.query<{ digest: string }>(
    `SELECT encode(digest, 'hex') AS digest FROM keys.api_key_secret ORDER BY digest LIMIT 300`,
  );
  await database.query('SET ROLE tollgate_keys');
  const resolves: number[] = [];
  for (const { digest } of digests.rows)
    resolves.push((await timed(() => database.query('SELECT * FROM keys.keys_by_digests($1)', [[digest]]))).took);
  await database.end();
  console.log(`a key by its digest: median ${median(resolves).toFixed(2)} ms`);
}

/** Revokes 10,000 keys by one call, and meanwhile others one by one over another connection. */
async function measureBulk(client: Client, url: string): Promise<void> {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null && ids.length < 10_000;) {
    const body = { state: 'active', limit: 100, ...(cursor !== '' && { cursor }) };
    const page = await ask(client, 'POST', '/v1/api-keys/search', body);
    ids.push(...(page['data'] as { id: string }[]).map(({ id }) => id));
    cursor = page['next_cursor'] as string | null;
  }
  const singles = (
    (await ask(client, 'GET', '/v1/api-keys?limit=100&state=active&sort=created'))['data'] as Json[]
  ).map(({ id }) => id as string);
  const other = new Client(url);
  let ended = false;
  const all = timed(() => ask(client, 'POST', '/v1/api-keys/bulk', { ids: ids.slice(0, 10_000), action: 'revoke' }));
  const whole = all.finally(() => (ended = true));
  const waits: number[] = [];
  for (const id of singles) {
    if (ended) break;
    waits.push((await timed(() => ask(other, 'POST', `/v1/api-keys/${id}/revoke`, {}))).took);
  }
  const { took, result } = await whole;
  await other.close();
  console.log(
    `bulk revoke of ${Math.min(ids.length, 10_000)} keys: ${(took / 1_000).toFixed(1)} s, ${String(result['changed'])} changed; ` +
      `a revoke meanwhile: median ${median(waits).toFixed(0)} ms, at most ${Math.max(...waits).toFixed(0)} ms (${waits.length} calls)`,
  );
}

await main();

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { startKafka, startPostgres, startRedis, tempFolder } from '@tollgate/infra';
import { Client as Postgres } from 'pg';
import { Agent, Client, request } from 'undici';
import { secrets, startKeyManagement, type Served } from './key-management-alone.js';

/**
 * Measures the admin API on a full database: 10,000 organisations, 100,000 members (a tenth of them in one), 1,000,000
 * entries of the audit trail, and what a flood of sign-ins does to the other endpoints.
 *
 * `npm run bench:admin` prints a table. On a machine that does other work its figures are upper bounds.
 */
const ORGANIZATIONS = 10_000;
const MEMBERS = 100_000;
const MEMBERS_OF_ONE = 10_000;
const AUDIT_ENTRIES = 1_000_000;
const CALLS = 200;
const FLOOD_PER_SECOND = 1_000;
const FLOOD_SECONDS = 10;

async function main(): Promise<void> {
  const [postgres, redis, kafka] = await Promise.all([startPostgres(), startRedis(), startKafka({ secured: false })]);
  const folder = tempFolder('tollgate-admin-bench');
  const databaseUrl = await postgres.createDatabase();
  const keyManagement = await startKeyManagement(folder, {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    KAFKA_BROKERS: kafka.brokers,
  });
  try {
    const organizationId = await seed(keyManagement.url, databaseUrl);
    await measureReads(keyManagement, organizationId);
    await measureFlood(keyManagement, organizationId);
  } finally {
    await keyManagement.process.stop();
    await Promise.all([postgres.stop(), redis.stop(), kafka.stop()]);
  }
}

/** Fills the database; returns the organisation that has the most of all. */
async function seed(url: string, databaseUrl: string): Promise<string> {
  const headers = { authorization: `Bearer ${secrets.admin}`, 'content-type': 'application/json' };
  const made = await request(`${url}/v1/organizations`, { method: 'POST', headers, body: '{"name":"Full"}' });
  const { id } = (await made.body.json()) as { id: string };
  for (const path of ['/v1/projects', '/v1/api-keys'])
    for (let n = 0; n < 100; n++) {
      const body = JSON.stringify({ name: `number ${n}` });
      const reply = await request(url + path, {
        method: 'POST',
        headers: { ...headers, 'x-organization-id': id },
        body,
      });
      await reply.body.dump();
      if (reply.statusCode !== 201) throw new Error(`POST ${path} was answered ${reply.statusCode}`);
    }
  const client = new Postgres({ connectionString: databaseUrl });
  await client.connect();
  const run = async (sql: string, ...parameters: unknown[]): Promise<void> =>
    void (await client.query(sql, parameters));
  try {
    await run(
      `INSERT INTO keys.organization (id, name, created_at, version)
       SELECT gen_random_uuid()::text, 'Organisation ' || n, now() - n * interval '1 second', 1 FROM generate_series(1, $1::int) AS n`,
      ORGANIZATIONS,
    );
    await run(
      `INSERT INTO keys.person (email, name, created_at)
       SELECT 'person' || n || '@example.com', 'Person ' || n, now() - n * interval '1 second' FROM generate_series(1, $1::int) AS n`,
      MEMBERS,
    );
    await run(
      `WITH o AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM keys.organization WHERE name LIKE 'Organisation %'),
         p AS (SELECT id, email, row_number() OVER (ORDER BY email) AS n FROM keys.person WHERE email LIKE 'person%')
       INSERT INTO keys.member (organization_id, person_id, email, role)
       SELECT CASE WHEN p.n <= $2 THEN $1 ELSE o.id END, p.id, p.email, 'member' FROM p JOIN o ON o.n = 1 + p.n % $3`,
      id,
      MEMBERS_OF_ONE,
      ORGANIZATIONS,
    );
    await run('ALTER TABLE keys.audit_entry DISABLE TRIGGER USER');
    await run(
      `INSERT INTO keys.audit_entry (organization_id, stream, seq, at, actor, action, target_type, target_id, request_id, entry, prev_hash, hash)
       SELECT e.organization_id, e.stream, h.count + n, e.at + n * interval '1 millisecond', e.actor, e.action, e.target_type,
         e.target_id, gen_random_uuid()::text, e.entry, e.prev_hash, e.hash
       FROM (SELECT * FROM keys.audit_entry WHERE organization_id = $1 AND stream = 'changes' ORDER BY seq DESC LIMIT 1) AS e
         JOIN keys.audit_head AS h USING (organization_id, stream), generate_series(1, $2::int) AS n`,
      id,
      AUDIT_ENTRIES,
    );
    await run('ALTER TABLE keys.audit_entry ENABLE TRIGGER USER');
    await run(
      `UPDATE keys.audit_head SET count = count + $2 WHERE organization_id = $1 AND stream = 'changes'`,
      id,
      AUDIT_ENTRIES,
    );
    await run('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
  return id;
}

async function measureReads({ url }: Served, organizationId: string): Promise<void> {
  const client = new Client(url);
  const headers = { authorization: `Bearer ${secrets.admin}`, 'x-organization-id': organizationId };
  const get = async (path: string): Promise<unknown> => {
    const reply = await client.request({ method: 'GET', path, headers });
    const text = await reply.body.text();
    if (reply.statusCode !== 200) throw new Error(`GET ${path} was answered ${reply.statusCode}: ${text}`);
    return JSON.parse(text);
  };
  const firstOf = async (path: string): Promise<string> =>
    ((await get(`${path}?limit=1`)) as { data: { id: string }[] }).data[0]!.id;
  const paths = [
    '/v1/organizations?limit=100',
    '/v1/members?limit=100',
    '/v1/projects?limit=100',
    '/v1/api-keys?limit=100',
    '/v1/audit-logs?limit=100',
    '/v1/audit-logs?limit=100&action=api_key.created',
    `/v1/organizations/${organizationId}`,
    `/v1/projects/${await firstOf('/v1/projects')}`,
    `/v1/api-keys/${await firstOf('/v1/api-keys')}`,
    '/v1/me',
  ];
  try {
    for (const path of paths) {
      const times: number[] = [];
      for (let n = 0; n < CALLS; n++) {
        const begun = performance.now();
        await get(path);
        times.push(performance.now() - begun);
      }
      tell(`GET ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}')}`, times);
    }
  } finally {
    await client.close();
  }
}

/** A thousand sign-ins a second from many addresses, all wrong, beside one caller who lists keys. */
async function measureFlood({ url, process: server }: Served, organizationId: string): Promise<void> {
  const agent = new Agent({ connections: 200, pipelining: 1 });
  const statuses = new Map<number, number>();
  let waiting = 0;
  const attempt = async (n: number): Promise<void> => {
    waiting += 1;
    const body = JSON.stringify({ email: `person${n % MEMBERS}@example.com`, password: `a wrong password ${n}` });
    const headers = {
      'content-type': 'application/json',
      'x-tollgate-service-secret': secrets.service,
      'x-tollgate-client-address': `10.${n % 200}.${(n >> 8) % 250}.${1 + (n % 250)}`,
    };
    const status = await request(`${url}/v1/sessions`, { method: 'POST', headers, body, dispatcher: agent }).then(
      async (reply) => {
        await reply.body.dump();
        return reply.statusCode;
      },
      () => 0,
    );
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    waiting -= 1;
  };
  let sent = 0;
  const begun = performance.now();
  let waitingMax = 0;
  const flood = setInterval(() => {
    const due = Math.min(FLOOD_PER_SECOND * FLOOD_SECONDS, ((performance.now() - begun) / 1_000) * FLOOD_PER_SECOND);
    while (sent < due) void attempt(sent++);
    waitingMax = Math.max(waitingMax, waiting);
  }, 5);
  const client = new Client(url);
  const headers = { authorization: `Bearer ${secrets.admin}`, 'x-organization-id': organizationId };
  const times: number[] = [];
  const before = residentMegabytes(server.pid);
  let peakMegabytes = 0;
  while (performance.now() - begun < FLOOD_SECONDS * 1_000) {
    const asked = performance.now();
    const reply = await client.request({ method: 'GET', path: '/v1/projects?limit=20', headers });
    await reply.body.dump();
    if (reply.statusCode !== 200) throw new Error(`the list was answered ${reply.statusCode} in the flood`);
    times.push(performance.now() - asked);
    peakMegabytes = Math.max(peakMegabytes, residentMegabytes(server.pid));
  }
  clearInterval(flood);
  tell(`GET /v1/projects in a flood of ${FLOOD_PER_SECOND} sign-ins a second`, times);
  const answered = [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
  console.log(
    `sign-ins sent ${sent}, answered ${answered}, waiting at most ${waitingMax}; memory ${before} MB before, at most ${peakMegabytes} MB`,
  );
  await client.close();
  await agent.destroy();
}

function residentMegabytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1_024);
}

function tell(what: string, times: number[]): void {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share: number): string => sorted[Math.floor(sorted.length * share)]!.toFixed(1);
  console.log(`${what}: median ${at(0.5)} ms, p99 ${at(0.99)} ms (${times.length} calls)`);
}

await main();

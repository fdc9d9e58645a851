import { createHash } from 'node:crypto';
import { Client as Postgres } from 'pg';

const [GROUPS, PROJECTS] = [200, 500];
/** A hundred keys for each organisation but the large one. */
const ORGANIZATIONS_PER_KEY = 1 / 100;

/** The organisation that has half of the keys. */
export const LARGE = '0a3c5b1e-2f3a-4f77-9c55-0123456789ab';
/** SQL: the id of the nth small organisation. */
const small = (n: string): string => `pg_temp.named_uuid('small' || ${n})::text`;

/** The id of the nth group, project or person of the large organisation. */
export const idOf = (what: 'group' | 'project' | 'maker', n: number): string => {
  const hex = createHash('md5').update(`${what}${n}`).digest('hex');
  // Version and variant, which a UUID must have to be shown: the same as in `NAMED_UUID`.
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
};

const NAMED_UUID = `CREATE FUNCTION pg_temp.named_uuid(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
   SELECT overlay(overlay(md5(name) PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid $$`;

/**
 * Rows are made by their number, and chance by the seed. Keys differ in state (a tenth is revoked), type,
 * project, maker and age; groups have from a few keys to a third of all. Group 1 has the tenth of oldest keys, and
 * the revoked keys are old too: filters that go with an order are the hard ones.
 */
function statementsFor(keys: number, seed: number): readonly string[] {
  const [half, organizations, tenth] = [keys / 2, keys * ORGANIZATIONS_PER_KEY, keys / 10];
  return [
    `SELECT setseed(${seed / 2 ** 31})`,
    NAMED_UUID,
    `INSERT INTO keys.organization (id, name, created_at, version)
   SELECT CASE WHEN n = 0 THEN '${LARGE}' ELSE ${small('n')} END, 'Organisation ' || n, now(), 1 FROM generate_series(0, ${organizations}) AS n`,
    `INSERT INTO keys.project (organization_id, id, name, created_at, version)
   SELECT '${LARGE}', pg_temp.named_uuid('project' || n), 'project ' || n, now(), 1 FROM generate_series(1, ${PROJECTS}) AS n`,
    `INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
   SELECT '${LARGE}', pg_temp.named_uuid('group' || n), 'group ' || n, now(), 1 FROM generate_series(1, ${GROUPS}) AS n`,
    `CREATE TEMPORARY TABLE seeded AS SELECT n, gen_random_uuid() AS id, n <= ${half} AS large,
     n <= ${half} AND n % 7 = 0 AS of_project, n % ${half} < ${tenth} AND n % 3 <> 0 AS revoked,
     now() - interval '1 minute' * (${keys} - n % ${half}) - random() * interval '1 second' AS created_at
   FROM generate_series(1, ${keys}) AS n`,
    `INSERT INTO keys.api_key (id, organization_id, name, description, scopes, expires_at, created_at, version, writer, created_by_kind,
     created_by_id, kind, public_key, project_id, disabled_at, revoked_at, revoke_reason)
   SELECT id, CASE WHEN large THEN '${LARGE}' ELSE ${small('(1 + n % ' + organizations + ')')} END,
     (ARRAY['support bot', 'nightly batch', 'team', 'Search', 'ingest', 'eval', 'playground', 'agent'])[1 + n % 8] || ' ' || n,
     CASE WHEN n % 5 = 0 THEN 'made for customer ' || n % 977 END,
     CASE WHEN n % 250 = 1 THEN '{admin}'::text[] ELSE '{inference:read,inference:write}' END,
     CASE WHEN n % 3 = 0 THEN now() + (random() * 730 - 180) * interval '1 day' END, created_at, 1, 1,
     CASE WHEN n % 10 = 0 THEN 'operator' ELSE 'person' END,
     CASE WHEN n % 10 = 0 THEN NULL WHEN n % 2 = 0 THEN pg_temp.named_uuid('maker' || n % 10) ELSE pg_temp.named_uuid('maker' || n % 3000) END,
     CASE WHEN of_project THEN 'project' WHEN n % 501 = 0 THEN 'subscription' ELSE 'router' END, CASE WHEN of_project THEN 'pk-' || n END,
     CASE WHEN of_project THEN pg_temp.named_uuid('project' || CASE WHEN n % 14 = 0 THEN 1 + n % 2 ELSE 1 + n % ${PROJECTS} END) END,
     CASE WHEN n % 40 = 3 THEN now() END, CASE WHEN revoked THEN now() END, CASE WHEN revoked THEN 'revoked' END
   FROM seeded`,
    `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at)
   SELECT sha256(k.id::text::bytea), k.organization_id, k.id, 'seeded', 'sk-' || substr(md5(k.id::text), 1, 3) || '…' || substr(md5(k.id::text), 5, 4), k.created_at
   FROM keys.api_key AS k JOIN seeded USING (id)`,
    `INSERT INTO keys.api_key_use (organization_id, api_key_id, sequence, requests, input_tokens, output_tokens, charged_nano_usd, day,
     charged_today_nano_usd, charged_this_week_nano_usd, charged_this_month_nano_usd, last_used_at)
   SELECT k.organization_id, k.id, 1, 1, 1, 1, (random() * 1e11)::bigint, current_date, 0, 0, 0, k.created_at + random() * (now() - k.created_at)
   FROM keys.api_key AS k JOIN seeded USING (id) WHERE random() < 0.6`,
    `INSERT INTO keys.group_key (organization_id, group_id, api_key_id)
   SELECT '${LARGE}', pg_temp.named_uuid('group' || g), id FROM seeded, LATERAL (
     SELECT DISTINCT g FROM unnest(ARRAY[CASE WHEN n <= ${tenth} THEN 1 END, CASE WHEN random() < 0.33 THEN 2 END, 3 + n % ${GROUPS - 3}]) AS g
     WHERE g IS NOT NULL) AS x
   WHERE large`,
    'VACUUM ANALYZE',
  ];
}

/**
 * Fills key-management's tables with `keys` keys, a multiple of 1,000, half of them in one organisation. The triggers
 * fill what lists need. A million takes some ten minutes.
 */
export async function seedKeyLists(
  databaseUrl: string,
  { keys, seed }: { readonly keys: number; readonly seed: number },
  tell: (line: string) => void,
): Promise<void> {
  const client = new Postgres({
    connectionString: databaseUrl,
    options: '-c work_mem=256MB -c synchronous_commit=off',
  });
  await client.connect();
  try {
    for (const statement of statementsFor(keys, seed)) {
      const begun = performance.now();
      await client.query(statement);
      const into = /(?:INTO|TABLE) ([\w.]+)/.exec(statement)?.[1];
      if (into !== undefined) tell(`${into} filled in ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
    }
  } finally {
    await client.end();
  }
}

import { randomBytes, randomUUID } from 'node:crypto';
import { AuthorizationCodeStore, OpenRouterKeyPages } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

/** An organisation with many codes, so that its statements are planned as in production. */
const CROWDED = randomUUID();
const PERSON = randomUUID();
const SESSION = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const OAUTH_SEEDS = [
  `INSERT INTO keys.organization (id, name) VALUES ('${CROWDED}', 'a crowd with apps')`,
  `INSERT INTO keys.person (id, email) VALUES ('${PERSON}', 'with-apps@example.org')`,
  `INSERT INTO keys.session (id, digest, person_id, method, created_at, proven_at, seen_at, expires_at)
   SELECT CASE WHEN n = 1 THEN '${SESSION}'::uuid ELSE gen_random_uuid() END, sha256(('with apps ' || n)::bytea), '${PERSON}', 'password', now(), now(), now(), now() + interval '1 day'
   FROM generate_series(1, 2000) AS n`,
  `INSERT INTO keys.authorization_code
     (organization_id, id, digest, person_id, session_id, callback_url, key_request, created_at, expires_at)
   SELECT '${CROWDED}', gen_random_uuid(), sha256(('code ' || n)::bytea), '${PERSON}', '${SESSION}', 'https://app.example/', '{}', now(), now() + n * interval '1 minute'
   FROM generate_series(1, 3000) AS n`,
];

/** Calls every method of keys for apps that queries the database. */
export async function useOauth({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  const codes = new AuthorizationCodeStore(database);
  const now = new Date();
  await codes.choicesOf(SESSION);
  for (const include_disabled of [true, false])
    await new OpenRouterKeyPages(database).ids('default', { offset: 100, include_disabled });
  const code = {
    organizationId: CROWDED,
    id: randomUUID(),
    digest: randomBytes(32),
    personId: PERSON,
    sessionId: SESSION,
    callbackUrl: 'https://app.example/',
    challenge: null,
    method: null,
    keyRequest: {} as never,
    createdAt: now,
    expiresAt: new Date(now.getTime() + 60_000),
    redeemedAt: null,
  };
  await database.inOrganization(CROWDED, (manager) => codes.insert(manager, code, now));
  const found = await codes.find(code.digest);
  if (found === null) throw new Error('the code that was just written is unknown');
  await database.inOrganization(CROWDED, (manager) => codes.redeem(manager, found, now));
}

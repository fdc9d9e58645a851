import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Person } from '../../people/person.js';
import { ORIGIN, startSignInStage, type SignInStage } from '../../sign-in/sign-in-stage.js';

let s: SignInStage;
beforeAll(async () => {
  s = await startSignInStage();
}, 60_000);
afterAll(() => s?.stop(), 30_000);

interface Call {
  readonly method: 'POST' | 'PATCH';
  readonly path: (id: string) => string;
  /** The two parts of the body. */
  readonly body: readonly [string, string];
}
const CALLS: Readonly<Record<string, Call>> = {
  create: { method: 'POST', path: () => '/v1/api-keys', body: ['{"name":', '"another"}'] },
  change: { method: 'PATCH', path: (id) => `/v1/api-keys/${id}`, body: ['{"credit_limit_usd":', '"900"}'] },
  rotate: { method: 'POST', path: (id) => `/v1/api-keys/${id}/rotate`, body: ['{"grace_period_seconds":', '0}'] },
};

/** Makes a call by a session, and does something when who asks is known and the body is on its way. */
async function lateBody({ method, path, body }: Call, between: (person: Person) => Promise<unknown>) {
  const organization = randomUUID();
  const person = await s.person({ organizations: [organization] });
  const session = await s.signIn(person.email);
  const named = { 'x-organization-id': organization };
  const made = await s.send('POST', '/v1/api-keys', { as: session, headers: named, body: { name: 'a key' } });
  const written = () =>
    s.sql('SELECT id, version FROM keys.api_key WHERE organization_id = $1 ORDER BY id', [organization]);
  const before = await written();
  const payload = Readable.from(
    (async function* () {
      yield Buffer.from(body[0]);
      await between(person);
      yield Buffer.from(body[1]);
    })(),
  );
  const headers = {
    cookie: `tollgate_session=${session.token}`,
    'x-csrf-token': session.csrf,
    origin: ORIGIN,
    'content-type': 'application/json',
    'transfer-encoding': 'chunked',
    ...named,
  };
  const reply = await s.stage.app.inject({ method, url: path(made.body.id as string), headers, payload });
  return { status: reply.statusCode, changes: JSON.stringify(await written()) !== JSON.stringify(before) };
}

describe.each(Object.entries(CALLS))('a person whose body comes late does not %s a key', (_, call) => {
  it.each<[string, (person: Person) => Promise<unknown>, number]>([
    ['signed out', ({ id }) => s.sql('DELETE FROM keys.session WHERE person_id = $1', [id]), 401],
    ['removed', ({ id }) => s.sql('DELETE FROM keys.member WHERE person_id = $1', [id]), 403],
    ['demoted', ({ id }) => s.sql(`UPDATE keys.member SET role = 'viewer' WHERE person_id = $1`, [id]), 403],
  ])('after they were %s', async (_what, change, status) => {
    expect(await lateBody(call, change)).toEqual({ status, changes: false });
  });

  it('but does if nothing has changed', async () => {
    const reply = await lateBody(call, () => Promise.resolve());
    expect([Math.floor(reply.status / 100), reply.changes]).toEqual([2, true]);
  });
});

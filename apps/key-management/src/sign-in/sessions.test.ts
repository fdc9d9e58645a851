import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startKeyManagement, type KeyManagementStage } from '../key-management-stage.js';
import { PersonStore } from '../people/person-store.js';
import { Sessions, type NewSession, type OpenedSession } from './sessions.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const T0 = Date.parse('2026-11-20T12:00:00Z');

let stage: KeyManagementStage;
let sessions: Sessions;
let database: ServiceDatabase;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  sessions = stage.app.get(Sessions);
  database = stage.app.get(ServiceDatabase);
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function person(...organizations: readonly string[]): Promise<string> {
  const email = `${randomUUID()}@example.org`;
  const store = stage.app.get(PersonStore);
  const { person: made } = await database.outsideOrganizations((manager) =>
    store.create(manager, { email, name: null, passwordHash: null, emailConfirmedAt: null, createdAt: new Date(T0) }),
  );
  for (const id of organizations) {
    await stage.database.dataSource.query(
      `INSERT INTO keys.organization (id, name) VALUES ($1, 'Acme') ON CONFLICT DO NOTHING`,
      [id],
    );
    await stage.database.dataSource.query(
      `INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, 'admin')`,
      [id, made.id, email],
    );
  }
  return made.id;
}

function open(personId: string, more: Partial<NewSession> = {}, nowMs = T0): Promise<OpenedSession> {
  const begun = {
    personId,
    method: 'password',
    lastOrganizationId: null,
    address: '203.0.113.7',
    client: null,
  } as const;
  return database.outsideOrganizations((manager) => sessions.open(manager, { ...begun, ...more }, new Date(nowMs)));
}

describe('a session', () => {
  it('is found by its token, and stored by a digest of it', async () => {
    const organization = randomUUID();
    const personId = await person(organization);
    const { token, session } = await open(personId, { client: 'curl/8\r\nX: \u202e1' });
    expect(await sessions.identify(token, null, T0)).toEqual({
      kind: 'person',
      personId,
      sessionId: session.id,
      organizationId: organization,
      role: 'admin',
      provenAtMs: T0,
    });
    const [row] = await stage.database.dataSource.query(`SELECT * FROM keys.session WHERE id = $1`, [session.id]);
    expect(JSON.stringify(row)).not.toContain(token);
    expect(row).toMatchObject({ client: 'curl/8 X: 1', from_address: '203.0.113.7' });
  });

  it.each([
    ['nothing', ''],
    ['another token', 'A'.repeat(43)],
    ['10,000 characters', 'A'.repeat(10_000)],
    ['a digest', 'a'.repeat(64)],
    ['line breaks', `${'A'.repeat(42)}\n`],
    ['a null', `${'A'.repeat(42)}\u0000`],
  ])('is not found by %s', async (_what, token) => {
    expect(await sessions.identify(token, null, T0)).toBeNull();
  });

  it('ends when it is not used, and at its age however much it is used', async () => {
    const personId = await person();
    const unused = await open(personId);
    expect(await sessions.identify(unused.token, null, T0 + 12 * HOUR)).toBeNull();
    const { token } = await open(personId);
    let at = T0;
    for (; at < T0 + 7 * 24 * HOUR; at += 11 * HOUR) expect(await sessions.identify(token, null, at)).not.toBeNull();
    expect(await sessions.identify(token, null, T0 + 7 * 24 * HOUR)).toBeNull();
  });

  it('writes down its use once a minute', async () => {
    const { token, session } = await open(await person());
    const seen = async (): Promise<number> => {
      const [row] = await stage.database.dataSource.query(`SELECT seen_at FROM keys.session WHERE id = $1`, [
        session.id,
      ]);
      return (row.seen_at as Date).getTime() - T0;
    };
    await sessions.identify(token, null, T0 + MINUTE - 1);
    expect(await seen()).toBe(0);
    await sessions.identify(token, null, T0 + MINUTE);
    expect(await seen()).toBe(MINUTE);
    await sessions.identify(token, null, T0);
    expect(await seen()).toBe(MINUTE);
  });

  it('has a new token once its person has proved again who they are, and the one before opens nothing', async () => {
    const { token, session } = await open(await person());
    const prove = (shown: string) =>
      database.outsideOrganizations((manager) => sessions.prove(manager, session.id, shown, new Date(T0 + HOUR)));
    const proven = await prove(token);
    expect(await sessions.identify(token, null, T0 + HOUR)).toBeNull();
    expect(await sessions.identify(proven!.token, null, T0 + HOUR)).toMatchObject({
      sessionId: session.id,
      provenAtMs: T0 + HOUR,
    });
    expect(await prove(token)).toBeNull();
    expect(
      (await database.outsideOrganizations((manager) => sessions.live(manager, session.id, new Date(T0 + HOUR))))?.id,
    ).toBe(session.id);
  });

  it('is one of a hundred of its person at most', async () => {
    const personId = await person();
    const first = await open(personId, {}, T0 - 1);
    for (let n = 0; n < 100; n += 1) await open(personId, {}, T0 + n);
    expect(await sessions.identify(first.token, null, T0)).toBeNull();
    const listed = await database.outsideOrganizations((manager) => sessions.list(manager, personId, new Date(T0)));
    expect(listed.length).toBe(100);
    expect(listed[0]!.createdAt.getTime()).toBe(T0 + 99);
  });

  it('ends alone, or with all of its person, and never with those of another', async () => {
    const [ann, ben] = [await person(), await person()];
    const [one, two, three] = [await open(ann), await open(ann), await open(ann)];
    const bens = await open(ben);
    await database.outsideOrganizations(async (manager) => {
      expect(await sessions.end(manager, ben, one.session.id)).toBe(false);
      expect(await sessions.end(manager, ann, one.session.id)).toBe(true);
      expect(await sessions.end(manager, ann, one.session.id)).toBe(false);
      expect(await sessions.endFor(manager, ann, { except: two.session.id })).toBe(1);
    });
    expect(await sessions.identify(two.token, null, T0)).not.toBeNull();
    expect(await sessions.identify(three.token, null, T0)).toBeNull();
    expect(await database.outsideOrganizations((manager) => sessions.endFor(manager, ann))).toBe(1);
    expect(await sessions.identify(bens.token, null, T0)).not.toBeNull();
  });
});

describe('the organisation of a session', () => {
  it('is the one that a request names, and where it names none the last one, else the oldest', async () => {
    const [one, other, strangers] = [randomUUID(), randomUUID(), randomUUID()];
    const personId = await person(one, other);
    await person(strangers);
    const { token } = await open(personId);
    const of = async (named: string | null) => {
      const found = await sessions.identify(token, named, T0);
      return [found!.organizationId, found!.role];
    };
    expect(await of(null)).toEqual([one, 'admin']);
    expect(await of(one)).toEqual([one, 'admin']);
    expect(await of(null)).toEqual([one, 'admin']);
    expect(await of(other)).toEqual([other, 'admin']);
    expect(await of(strangers)).toEqual([null, null]);
    expect(await of(randomUUID())).toEqual([null, null]);
    expect(await of('')).toEqual([null, null]);
    expect(await of(null)).toEqual([other, 'admin']);

    // A role counts from the next request on, and so does its end.
    const change = (sql: string) => stage.database.dataSource.query(sql, [other, personId]);
    await change(`UPDATE keys.member SET role = 'viewer' WHERE organization_id = $1 AND person_id = $2`);
    expect(await of(null)).toEqual([other, 'viewer']);
    await change(`DELETE FROM keys.member WHERE organization_id = $1 AND person_id = $2`);
    expect(await of(other)).toEqual([null, null]);
    expect(await of(null)).toEqual([one, 'admin']);
  });

  it('is the only one that a confined session may act in', async () => {
    const [own, other] = [randomUUID(), randomUUID()];
    const { token } = await open(await person(own, other), {
      method: 'oidc',
      identity: { issuer: 'https://login.example', subject: '1' },
      confinedTo: own,
      lastOrganizationId: other,
    });
    expect(await sessions.identify(token, null, T0)).toMatchObject({ organizationId: own, role: 'admin' });
    expect(await sessions.identify(token, own, T0)).toMatchObject({ organizationId: own, role: 'admin' });
    expect(await sessions.identify(token, other, T0)).toMatchObject({ organizationId: null, role: null });
    expect(await sessions.identify(token, null, T0)).toMatchObject({ organizationId: own, role: 'admin' });
  });
});

describe('a person', () => {
  it('is one for each address, whatever two requests do at once', async () => {
    const store = stage.app.get(PersonStore);
    const email = `${randomUUID()}@example.org`;
    const create = (name: string) =>
      database.outsideOrganizations((manager) =>
        store.create(manager, { email, name, passwordHash: 'a hash', emailConfirmedAt: null, createdAt: new Date(T0) }),
      );
    const [one, other] = await Promise.all([create('one'), create('other')]);
    expect([one.created, other.created].filter(Boolean).length).toBe(1);
    expect(other.person.id).toBe(one.person.id);
    expect(other.person.name).toBe(one.person.name);
    await database.outsideOrganizations(async (manager) => {
      await store.setPasswordHash(manager, one.person.id, 'another hash');
      await store.confirmEmail(manager, one.person.id, new Date(T0));
      await store.confirmEmail(manager, one.person.id, new Date(T0 + HOUR));
      expect(await store.find(manager, one.person.id)).toMatchObject({
        passwordHash: 'another hash',
        emailConfirmedAt: new Date(T0),
      });
      expect(await store.ofEmail(manager, `x${email}`)).toBeNull();
    });
  });
});

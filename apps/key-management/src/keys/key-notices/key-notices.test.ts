import { randomUUID } from 'node:crypto';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { PersonStore } from '../../people/person-store.js';
import { MailOutbox } from '../../sign-in/mails/mail-outbox.js';
import { KeyNotices } from './key-notices.js';

const DAY = 86_400_000;
const logger = createLogger({ service: 'test', level: 'silent' });
const OWNER = 'owner@localhost';
let stage: KeyManagementStage;
let notices: KeyNotices;
let organization: string;
let organizationName: string;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
  notices = stage.app.get(KeyNotices);
}, 60_000);
afterAll(() => stage?.stop(), 30_000);
// Each test has an organisation of its own, so that keys of others are in none of its mails.
beforeEach(async () => {
  organizationName = `Acme ${randomUUID()}`;
  organization = (await call('POST', '/v1/organizations', { name: organizationName }, 'default')).id;
});

const query = (sql: string, parameters: unknown[] = []) => stage.database.dataSource.query(sql, parameters);
async function call(method: 'GET' | 'POST' | 'DELETE', url: string, body?: object, organizationId = organization) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN}`, 'x-organization-id': organizationId },
    ...(body !== undefined && { payload: body }),
  });
  expect(reply.statusCode, reply.body).toBeLessThan(300);
  return reply.json();
}

/** A key that expires so many days from now; it was made long before, or so many days ago. */
async function keyExpiringIn(days: number, { name = 'a key', madeDaysAgo = 100 } = {}) {
  const expiresAt = new Date(Date.now() + days * DAY);
  const key = await call('POST', '/v1/api-keys', { name, expires_at: expiresAt.toISOString() });
  await query(`UPDATE keys.api_key SET created_at = $2 WHERE id = $1`, [
    key.id,
    new Date(Date.now() - madeDaysAgo * DAY),
  ]);
  return { id: key.id as string, expiresAt };
}
/** A person of the organisation; `made` are keys that they have made. */
async function member(role: string, made: readonly string[] = []): Promise<string> {
  const email = `${randomUUID()}@example.org`;
  const { person } = await stage.app.get(ServiceDatabase).outsideOrganizations((manager) =>
    stage.app.get(PersonStore).create(manager, {
      email,
      name: 'a person',
      passwordHash: null,
      emailConfirmedAt: null,
      createdAt: new Date(),
    }),
  );
  await query(`INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ($1, $2, $3, $4)`, [
    organization,
    person.id,
    email,
    role,
  ]);
  await query(`UPDATE keys.api_key SET created_by_kind = 'person', created_by_id = $2 WHERE id = ANY($1::uuid[])`, [
    made,
    person.id,
  ]);
  return email;
}
/** Keys of the other tests are due in these times, too. */
const mailsOfThis = () => stage.mails.filter(({ text }) => text.includes(organizationName));
/** What a look at this moment has sent: to whom, and about what. */
async function told(atMs: number): Promise<(readonly [to: string, subject: string])[]> {
  const before = mailsOfThis().length;
  await notices.tell(new Date(atMs));
  // Mails go out in the order in which they were written down: a last one says that all are out.
  await expect
    .poll(() => query(`SELECT 1 FROM keys.outbox WHERE effect = 'send-mail'`), { timeout: 10_000 })
    .toEqual([]);
  return mailsOfThis()
    .slice(before)
    .map(({ to, subject }) => [to[0]!, subject] as const);
}
const expiry = (when: string) => [[OWNER, `API key “a key” expires ${when}`]];

describe('a key that expires', () => {
  it('is told of 14, 3 and 1 days before, once each, however often and by whomever it is looked', async () => {
    const { expiresAt } = await keyExpiringIn(30);
    const at = (daysBefore: number) => expiresAt.getTime() - daysBefore * DAY;
    const another = new KeyNotices(stage.app.get(ServiceDatabase), stage.app.get(MailOutbox), logger);
    expect(await told(at(14) - 1)).toEqual([]);
    await Promise.all([another.tell(new Date(at(14))), another.tell(new Date(at(14)))]);
    await told(at(14));
    expect(mailsOfThis().map(({ subject }) => subject)).toEqual(['API key “a key” expires in 14 days']);
    expect(await told(at(10))).toEqual([]);
    expect(await told(at(3))).toEqual(expiry('in 3 days'));
    expect(await told(at(2))).toEqual([]);
    expect(await told(at(1))).toEqual(expiry('within a day'));
    expect(await told(at(0.5))).toEqual([]);
    expect(await told(at(0))).toEqual([]);
    expect(await told(at(-1))).toEqual([]);
  });

  it.each<[string, number, number, string | null]>([
    ['with 2 days to live from the start, not at once', 2, 2, null],
    ['with 2 days to live from the start, when it has one', 2, 1, 'within a day'],
    ['with 14 days to live from the start, not at once', 14, 14, null],
    ['with 14 days to live from the start, 3 days before', 14, 3, 'in 3 days'],
    ['with half a day to live from the start, never', 0.5, 0.2, null],
  ])('%s', async (_what, life, daysBefore, when) => {
    const { expiresAt } = await keyExpiringIn(life, { madeDaysAgo: 0 });
    await query('UPDATE keys.api_key SET created_at = $2 WHERE organization_id = $1', [
      organization,
      new Date(expiresAt.getTime() - life * DAY),
    ]);
    expect(await told(expiresAt.getTime() - daysBefore * DAY)).toEqual(when === null ? [] : expiry(when));
  });

  it('is told of once after an outage, by the nearest mail', async () => {
    const { expiresAt } = await keyExpiringIn(30);
    expect(await told(expiresAt.getTime() - 2.5 * DAY)).toEqual(expiry('in 3 days'));
    expect(await told(expiresAt.getTime() - 2 * DAY)).toEqual([]);
    expect(await told(expiresAt.getTime() - 0.5 * DAY)).toEqual(expiry('within a day'));
  });

  it('is told of again for another expiry, and for that only once it comes near', async () => {
    const { id, expiresAt } = await keyExpiringIn(10);
    expect(await told(expiresAt.getTime() - 2 * DAY)).toEqual(expiry('in 2 days'));
    const later = new Date(Date.now() + 13 * DAY);
    await query('UPDATE keys.api_key SET expires_at = $2 WHERE id = $1', [id, later]);
    // It has had this expiry only since 13 days before.
    expect(await told(later.getTime() - 12 * DAY)).toEqual([]);
    expect(await told(later.getTime() - 3 * DAY)).toEqual(expiry('in 3 days'));
  });

  it.each([
    ['revoked', (id: string) => call('POST', `/v1/api-keys/${id}/revoke`)],
    ['deleted', (id: string) => call('DELETE', `/v1/api-keys/${id}`)],
    ['disabled', (id: string) => query('UPDATE keys.api_key SET disabled_at = now() WHERE id = $1', [id])],
    [
      'of a deleted organisation',
      () => query('UPDATE keys.organization SET deleted_at = now() WHERE id = $1', [organization]),
    ],
  ])('and is %s is not told of', async (_what, end) => {
    const { id, expiresAt } = await keyExpiringIn(30);
    await end(id);
    expect(await told(expiresAt.getTime() - 1 * DAY)).toEqual([]);
  });

  it('is told to the owners and to its maker, in one mail about all of their keys', async () => {
    const [first, second] = [await keyExpiringIn(10, { name: 'first' }), await keyExpiringIn(10.2, { name: 'second' })];
    const maker = await member('member', [first.id]);
    const owner = await member('owner', [second.id]);
    await member('admin');
    const both = `2 API keys of “${organizationName}” expire soon`;
    const mails = await told(first.expiresAt.getTime() - 9 * DAY);
    expect(new Map(mails)).toEqual(
      new Map([
        [OWNER, both],
        [owner, both],
        [maker, 'API key “first” expires in 9 days'],
      ]),
    );
    expect(mails).toHaveLength(3);
    const text = mailsOfThis().at(-1)!.text;
    expect(text).not.toContain('/v1/api-keys/' + first.id);
    const removed = await keyExpiringIn(20, { name: 'third' });
    await member('member', [removed.id]);
    await query(`DELETE FROM keys.member WHERE organization_id = $1 AND role = 'member'`, [organization]);
    expect((await told(removed.expiresAt.getTime() - 14 * DAY)).map(([to]) => to).sort()).toEqual(
      [OWNER, owner].sort(),
    );
  });
});

describe('a planned rotation', () => {
  const due = [[OWNER, 'API key “planned” is due to be rotated']];
  const planned = async () => {
    const key = await call('POST', '/v1/api-keys', { name: 'planned' });
    await query('UPDATE keys.api_key SET rotate_every_days = 30 WHERE id = $1', [key.id]);
    return { id: key.id as string, madeMs: Date.parse(key.created_at) };
  };
  it('reminds once when the present secret is that old, and again when the next one is', async () => {
    const { id, madeMs } = await planned();
    expect(await told(madeMs + 30 * DAY - 1)).toEqual([]);
    expect(await told(madeMs + 30 * DAY)).toEqual(due);
    expect(await told(madeMs + 45 * DAY)).toEqual([]);
    const { secrets } = await call('POST', `/v1/api-keys/${id}/rotate`);
    const rotatedMs = Date.parse(secrets[1].created_at);
    expect(await told(rotatedMs + 30 * DAY - 1)).toEqual([]);
    expect(await told(rotatedMs + 30 * DAY)).toEqual(due);
  });
  it('rotates nothing, and is for keys that can be used', async () => {
    const [one, other] = [await planned(), await planned()];
    await call('POST', `/v1/api-keys/${other.id}/revoke`);
    expect(await told(one.madeMs + 31 * DAY)).toEqual(due);
    expect((await call('GET', `/v1/api-keys/${one.id}`)).secrets).toHaveLength(1);
    await query('UPDATE keys.api_key SET rotate_every_days = NULL WHERE id = $1', [one.id]);
    expect(await told(one.madeMs + 99 * DAY)).toEqual([]);
  });
});

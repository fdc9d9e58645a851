import { randomUUID } from 'node:crypto';
import { AUDIT_RECORDED_V1, type AuditRecordedV1 } from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import type { AuditLogList, AuditVerificationObject } from '../audit-log.reply.js';
import { AuditRecordedController } from './audit-recorded.controller.js';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

async function json<T>(method: 'GET' | 'POST' | 'DELETE', url: string, organizationId?: string, body?: object) {
  const reply = await stage.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${ADMIN}`,
      ...(organizationId !== undefined && { 'x-organization-id': organizationId }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { payload: JSON.stringify(body) }),
  });
  expect(reply.statusCode, reply.body).toBeLessThan(300);
  return reply.json<T>();
}
const tell = (...values: (AuditRecordedV1 | string)[]) =>
  stage.app.get(AuditRecordedController).onAuditRecorded({
    topic: AUDIT_RECORDED_V1,
    partition: 0,
    messages: values.map((value, at) => ({
      offset: BigInt(at),
      part: 0,
      key: 'o',
      value: typeof value === 'string' ? value : JSON.stringify(value),
    })),
  });

describe('what another service has done', () => {
  let id: string;
  let record: AuditRecordedV1;
  beforeEach(async () => {
    ({ id } = await json<{ id: string }>('POST', '/v1/organizations', undefined, { name: 'Acme' }));
    record = {
      eventVersion: 1,
      entryId: randomUUID(),
      organizationId: id,
      at: new Date(Date.now() - 60_000).toISOString(),
      actor: { type: 'operator', id: null },
      address: '192.0.2.17',
      requestId: randomUUID(),
      action: 'budget.updated',
      target: { type: 'budget', id: randomUUID() },
      before: { amount_usd: '10', reset: 'daily', emails: [] },
      after: {
        amount_usd: '11',
        reset: 'daily',
        emails: [{ $personal: { kind: 'email', text: 'ada@example.org' } }],
      },
      details: { group_id: 'g' },
    };
  });
  const entries = (query: string, organizationId = id) =>
    json<AuditLogList>('GET', `/v1/audit-logs?${query}`, organizationId).then(({ data }) => data);
  const verified = () => json<AuditVerificationObject>('GET', '/v1/audit-logs/verification', id);

  it('stands in the chain of its organisation, with who, when, and what changed from what to what', async () => {
    await tell(record);
    const [entry, ...others] = await entries(`request_id=${record.requestId}`);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      stream: 'changes',
      at: record.at,
      actor: { type: 'admin_secret', id: null },
      address: '192.0.2.17',
      action: 'budget.updated',
      target: record.target,
      changes: { amount_usd: { from: '10', to: '11' }, emails: { from: [], to: ['ada@example.org'] } },
      details: { group_id: 'g' },
    });
    expect(Object.keys(entry?.changes ?? {})).toEqual(['amount_usd', 'emails']);
    expect(await verified()).toMatchObject({ valid: true, complete: true });
  });

  it('stands there once, however often it comes, in one batch and in two processes at once', async () => {
    const other = { ...record, entryId: randomUUID() };
    await Promise.all([tell(record, record, other), tell(other, record)]);
    await tell(record);
    expect(await entries(`request_id=${record.requestId}`)).toHaveLength(2);
    expect(await verified()).toMatchObject({ valid: true, complete: true });
  });

  it('has addresses of people where they can be erased, while the chain stays as it is', async () => {
    await tell(record);
    await json('POST', '/v1/audit-logs/erasures', id, { text: 'ada@example.org' });
    const [entry] = await entries(`request_id=${record.requestId}`);
    expect(JSON.stringify(entry)).not.toContain('ada@');
    expect(await verified()).toMatchObject({ valid: true });
    const stored: { entry: string }[] = await stage.database.dataSource.query(
      `SELECT entry FROM keys.audit_entry WHERE request_id = $1`,
      [record.requestId],
    );
    expect(stored[0]?.entry).not.toContain('ada@');
  });

  it('names the person or the key that did it, and Tollgate itself', async () => {
    const who = [
      { type: 'person', id: randomUUID() },
      { type: 'api_key', id: randomUUID() },
      { type: 'tollgate', id: null },
    ] as const;
    await tell(...who.map((actor) => ({ ...record, entryId: randomUUID(), actor, requestId: null })));
    const shown = await entries('action=budget.updated');
    expect(shown.map(({ actor: { type, id: actorId } }) => ({ type, id: actorId }))).toEqual(
      expect.arrayContaining([...who]),
    );
  });

  it('is the installation’s where it concerns no organisation, or one that never was', async () => {
    await tell(
      { ...record, organizationId: null },
      { ...record, entryId: randomUUID(), organizationId: 'nobody-has-this' },
    );
    expect(await entries(`trail=installation&request_id=${record.requestId}`)).toHaveLength(2);
  });

  it('goes on in the trail of an organisation that was deleted', async () => {
    await json('DELETE', `/v1/organizations/${id}`);
    await tell(record);
    expect(await entries(`request_id=${record.requestId}`)).toHaveLength(1);
  });

  it('costs no other entry where it cannot be read, and never has one of our secrets', async () => {
    const { secret } = await json<{ secret: string }>('POST', '/v1/api-keys', id, { name: 'k' });
    const odd = [
      { ...record, actor: { type: 'robot', id: null } },
      { ...record, organizationId: 'a\u0000b' },
    ];
    await tell('nonsense', '{}', ...odd.map((each) => JSON.stringify(each)), {
      ...record,
      after: { amount_usd: `x ${secret}` },
      address: 'a\u0000b',
    });
    const [entry, ...others] = await entries(`request_id=${record.requestId}`);
    expect(others).toEqual([]);
    expect(entry?.changes['amount_usd']).toEqual({ from: '10', to: 'x [secret]' });
  });

  it('has the present time where its clock is ahead', async () => {
    await tell({ ...record, at: new Date(Date.now() + 3_600_000).toISOString() });
    const [entry] = await entries(`request_id=${record.requestId}`);
    expect(Date.parse(entry?.at ?? '')).toBeLessThanOrEqual(Date.now());
  });
});

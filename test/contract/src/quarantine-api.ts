import { randomUUID } from 'node:crypto';
import type { UsageRecordedV1, UsageRecordedV2 } from '@tollgate/contracts';
import { expect, it } from 'vitest';
import { secondVersion, usageEvent } from './billing-fixture.js';

/** What these tests need of a usage-billing that runs. */
export interface QuarantineStage {
  readonly url: () => string;
  readonly adminSecret: string;
  readonly publish: (...events: (UsageRecordedV1 | UsageRecordedV2 | string)[]) => Promise<void>;
  /** Makes key-management know a key from now on. */
  readonly know: (apiKeyId: string) => void;
}

type Json = Record<string, unknown>;

/** The tests of `/v1/quarantine`. */
export function quarantineApi({ url, adminSecret, publish, know }: QuarantineStage): void {
  const ask = async (path: string, body?: object): Promise<{ status: number; body: Json }> => {
    const reply = await fetch(`${url()}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${adminSecret}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: reply.status, body: (await reply.json()) as Json };
  };
  const listed = async (query: string): Promise<Json[]> =>
    (await ask(`/v1/quarantine?${query}`)).body['data'] as Json[];
  const usageOf = async ({ organizationId, apiKeyId }: UsageRecordedV1) => {
    const reply = await fetch(`${url()}/v1/usage?api_key_id=${apiKeyId}`, {
      headers: { authorization: `Bearer ${adminSecret}`, 'x-organization-id': organizationId },
    });
    const { totals } = (await reply.json()) as { totals: { requests: number; cost_usd: string } };
    return [totals.requests, totals.cost_usd];
  };
  /** The one quarantined event of a new organisation, made from an event of it. */
  const quarantined = async (of: (event: UsageRecordedV1) => readonly (UsageRecordedV1 | UsageRecordedV2)[]) => {
    const event = usageEvent({ organizationId: randomUUID(), apiKeyId: randomUUID() });
    await publish(...of(event));
    const [found] = await listed(`organization_id=${event.organizationId}`);
    return { event, id: found!['id'] as string, found: found! };
  };

  it('lists by filters and in pages, and shows the content, the reason and the field', async () => {
    const { event, id, found } = await quarantined((one) => [{ ...one, outcome: 'unheard_of' as never }]);
    expect(found).toMatchObject({ cause: 'invalid', field: 'outcome', state: 'open', request_id: event.requestId });
    expect(found).not.toHaveProperty('content');
    expect((await ask(`/v1/quarantine/${id}`)).body).toMatchObject({
      id,
      content: { ...event, outcome: 'unheard_of' },
      is_cut: false,
      difference: null,
      decision: null,
    });
    await publish('not JSON of any kind');
    const first = (await ask('/v1/quarantine?limit=1&state=open')).body;
    expect(first).toMatchObject({ has_more: true, data: [{ cause: 'unreadable', request_id: null }] });
    const next = (await ask(`/v1/quarantine?limit=1&state=open&cursor=${String(first['next_cursor'])}`)).body;
    expect(next).toMatchObject({ data: [{ id }] });
    expect(await listed(`request_id=${event.requestId.toUpperCase()}&cause=invalid&api_key_id=${event.apiKeyId}`)).toHaveLength(1); // prettier-ignore
    expect(await listed(`request_id=${event.requestId}&cause=conflict`)).toEqual([]);
    expect((await ask('/v1/quarantine/999999999999')).status).toBe(404);
    expect((await ask('/v1/quarantine?state=lost')).status).toBe(400);
  });

  it('replays an event that was mended, once, however often it is asked', async () => {
    const { event, id } = await quarantined((one) => [{ ...one, outcome: 'unheard_of' as never }]);
    expect(await ask(`/v1/quarantine/${id}/replay`, {})).toMatchObject({
      status: 409,
      body: { code: 'event_not_bookable', detail: expect.stringMatching(/^outcome/) as string },
    });
    expect(await usageOf(event)).toEqual([0, '0']);
    for (let time = 0; time < 2; time++)
      expect(await ask(`/v1/quarantine/${id}/replay`, { mend: { outcome: 'completed' } })).toMatchObject({
        status: 200,
        body: { state: 'replayed', decision: { mended: ['outcome'], booked_as: event.requestId } },
      });
    expect(await usageOf(event)).toEqual([1, '0.00000001']);
    // Sent again, it is the same text, and quarantined once.
    await publish({ ...event, outcome: 'unheard_of' as never });
    expect(await listed(`organization_id=${event.organizationId}`)).toMatchObject([{ state: 'replayed' }]);
    expect((await ask(`/v1/quarantine/${id}/discard`, { reason: 'late' })).body).toMatchObject({
      code: 'quarantine_already_decided',
    });
  });

  it('replays an event of the second version as it is, once its key is known', async () => {
    const organizationId = randomUUID();
    const event = usageEvent({ organizationId, apiKeyId: `${randomUUID()}` });
    await publish(JSON.stringify(secondVersion(event)));
    const [found] = await listed(`organization_id=${organizationId}`);
    expect(found).toMatchObject({ cause: 'unknown_key', field: 'apiKeyId' });
    expect((await ask(`/v1/quarantine/${String(found!['id'])}/replay`, {})).status).toBe(409);
    know(event.apiKeyId);
    expect((await ask(`/v1/quarantine/${String(found!['id'])}/replay`, {})).body).toMatchObject({ state: 'replayed' });
    expect(await usageOf(event)).toEqual([1, '0.00000001']);
  });

  const contentOf = (one: UsageRecordedV1, version: 1 | 2): UsageRecordedV1 | UsageRecordedV2 =>
    version === 1 ? one : secondVersion(one);
  it.each([
    ['first', 1, 1],
    ['second', 1, 1],
    ['first', 2, 2],
    ['second', 2, 2],
    ['first', 1, 2],
    ['second', 1, 2],
    ['first', 2, 1],
    ['second', 2, 1],
  ] as const)('keeps the %s content of a conflict, of version %s and then %s', async (keep, booked, came) => {
    const event = usageEvent({ organizationId: randomUUID(), apiKeyId: randomUUID() });
    await publish(contentOf({ ...event, chargeNanoUsd: '5' }, booked));
    await publish(contentOf({ ...event, chargeNanoUsd: '7', inputTokens: 4 }, came));
    const [found] = await listed(`organization_id=${event.organizationId}`);
    const id = found!['id'] as string;
    expect((await ask(`/v1/quarantine/${id}`)).body['difference']).toEqual([
      { field: 'inputTokens', first: '3', second: '4' },
      { field: 'chargeNanoUsd', first: '5', second: '7' },
    ]);
    expect(await ask(`/v1/quarantine/${id}/replay`, {})).toMatchObject({ status: 400 });
    for (let time = 0; time < 2; time++)
      expect(await ask(`/v1/quarantine/${id}/replay`, { keep })).toMatchObject({
        status: 200,
        body: { state: 'replayed', decision: { keep } },
      });
    expect(await usageOf(event)).toEqual(keep === 'first' ? [1, '0.000000005'] : [2, '0.000000007']);
    const other = keep === 'first' ? 'second' : 'first';
    expect(await ask(`/v1/quarantine/${id}/replay`, { keep: other })).toMatchObject({
      status: 409,
      body: { code: 'quarantine_already_decided' },
    });
  });

  it('books of several contents of a request no more than the highest says, in turn and at once', async () => {
    const event = usageEvent({ organizationId: randomUUID(), apiKeyId: randomUUID() });
    const charged = (chargeNanoUsd: string, journalNumber = 1) => ({
      ...event,
      journalNumber,
      costNanoUsd: chargeNanoUsd,
      chargeNanoUsd,
      holdNanoUsd: null,
    });
    await publish(charged('5'));
    await publish(charged('7'), charged('9'), charged('8', 2), charged('20'), charged('20', 3), charged('20', 4));
    const ids = (await listed(`request_id=${event.requestId}`)).map(({ id }) => String(id)).reverse();
    expect(ids).toHaveLength(6);
    const replay = async (id: string) => (await ask(`/v1/quarantine/${id}/replay`, { keep: 'second' })).status;
    expect([await replay(ids[0]!), await replay(ids[1]!), await replay(ids[2]!)]).toEqual([200, 200, 409]);
    expect((await usageOf(event))[1]).toBe('0.000000009');
    expect(await Promise.all(ids.slice(3).map(replay))).toEqual([200, 200, 200]);
    expect((await usageOf(event))[1]).toBe('0.00000002');
  });

  it('books an event of a clock that was wrong under an id of the time that is given, once', async () => {
    const ahead = Date.now() + 400 * 86_400_000;
    const hex = ahead.toString(16).padStart(12, '0');
    const requestId = `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
    const moment = new Date(ahead).toISOString();
    const { event, id } = await quarantined((one) => [{ ...one, requestId, startedAt: moment, endedAt: moment }]);
    await publish({ ...event, requestId, startedAt: moment, endedAt: moment, journalNumber: 7 });
    const others = (await listed(`request_id=${requestId}`)).map((each) => String(each['id']));
    expect(others).toHaveLength(2);
    const mend = { startedAt: event.startedAt, endedAt: event.endedAt };
    const { status, body } = await ask(`/v1/quarantine/${id}/replay`, { mend });
    const bookedAs = (body['decision'] as Json)['booked_as'] as string;
    expect([status, Number.parseInt(bookedAs.replace('-', '').slice(0, 12), 16)]).toEqual([
      200,
      Date.parse(event.startedAt),
    ]);
    for (const other of others)
      expect((await ask(`/v1/quarantine/${other}/replay`, { mend })).status).toBe(other === id ? 200 : 409);
    expect(await usageOf(event)).toEqual([1, '0.00000001']);
  });

  it('posts the call of a mended key to the account of that key', async () => {
    const [unknown, known] = [randomUUID(), randomUUID()];
    know(known);
    const organizationId = randomUUID();
    const accounts = [{ accountId: `key:${unknown}:daily:2026-11-20`, capNanoUsd: '1000' }];
    await publish(JSON.stringify(secondVersion(usageEvent({ organizationId, apiKeyId: unknown, accounts }))));
    const [found] = await listed(`organization_id=${organizationId}`);
    expect(found).toMatchObject({ cause: 'unknown_key' });
    const replay = await ask(`/v1/quarantine/${String(found!['id'])}/replay`, { mend: { apiKeyId: known } });
    expect(replay).toMatchObject({ status: 200, body: { state: 'replayed' } });
    const reply = await fetch(`${url()}/v1/ledger/accounts?ended=true`, {
      headers: { authorization: `Bearer ${adminSecret}`, 'x-organization-id': organizationId },
    });
    expect(await reply.text()).not.toContain(unknown);
  });

  it('charges a call that named accounts of another key to those that are given', async () => {
    const foreign = `key:${randomUUID()}`;
    const charged = (one: UsageRecordedV1) => [{ accountId: `key:${one.apiKeyId}`, capNanoUsd: '1000' }];
    const { event, id, found } = await quarantined((one) => [
      { ...one, accounts: [...charged(one), { accountId: foreign, capNanoUsd: null }] },
    ]);
    expect(found).toMatchObject({ cause: 'implausible', field: 'accounts[1].accountId' });
    for (const [mend, status] of [
      [{ outcome: 'completed' }, 409],
      [{ accounts: [] }, 400],
      [{ accounts: [{ accountId: foreign, capNanoUsd: null }] }, 409],
      [{ accounts: charged(event) }, 200],
    ] as const)
      expect((await ask(`/v1/quarantine/${id}/replay`, { mend })).status).toBe(status);
    expect(await usageOf(event)).toEqual([1, '0.00000001']);
    const reply = await fetch(`${url()}/v1/ledger/accounts`, {
      headers: { authorization: `Bearer ${adminSecret}`, 'x-organization-id': event.organizationId },
    });
    expect(await reply.text()).not.toContain(foreign);
  });

  it.each(['[', '{"eventVersion":2,"accounts":['])(
    'shows what is nested too deep as the text that it is: %s',
    async (head) => {
      const text = `${head}${'['.repeat(50_000)}${']'.repeat(50_000)}]${head === '[' ? '' : '}'}`;
      await publish(text);
      const [found] = await listed('state=open&limit=1');
      const at = `/v1/quarantine/${String(found!['id'])}`;
      expect((await ask(at)).body['content']).toBe(text.slice(0, String((await ask(at)).body['content']).length));
      expect((await ask(`${at}/discard`, { reason: 'nonsense' })).status).toBe(200);
    },
  );

  it('takes nothing back: the second content of a conflict that charges less is not booked', async () => {
    const { event, id } = await quarantined((one) => [one, { ...one, chargeNanoUsd: '7' }]);
    expect(await ask(`/v1/quarantine/${id}/replay`, { keep: 'second' })).toMatchObject({
      status: 409,
      body: { code: 'event_not_bookable', detail: expect.stringContaining('chargeNanoUsd') as string },
    });
    expect(await usageOf(event)).toEqual([1, '0.00000001']);
    expect(await listed(`organization_id=${event.organizationId}`)).toMatchObject([{ state: 'open' }]);
  });

  it('discards an event with a reason, for good', async () => {
    const { event, id } = await quarantined((one) => [{ ...one, endedAt: '2199-01-01T00:00:00.000Z' }]);
    expect((await ask(`/v1/quarantine/${id}/discard`, { reason: '' })).status).toBe(400);
    for (const reason of ['a clock was wrong', 'another reason'])
      expect(await ask(`/v1/quarantine/${id}/discard`, { reason })).toMatchObject({
        status: 200,
        body: { state: 'discarded', decision: { reason: 'a clock was wrong' } },
      });
    expect(await ask(`/v1/quarantine/${id}/replay`, { mend: { endedAt: event.endedAt } })).toMatchObject({
      status: 409,
      body: { code: 'quarantine_already_decided' },
    });
    expect(await usageOf(event)).toEqual([0, '0']);
  });
}

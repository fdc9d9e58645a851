import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from '../../journal/journal.js';
import { isJournaled, type Routed } from '../exchange/exchange.js';
import { journalIntent } from './journal-intent.js';

let folder: string;
let journal: Journal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-intent-'));
  journal = Journal.open(folder);
});
afterEach(() => {
  vi.restoreAllMocks();
  journal.close(false);
  rmSync(folder, { recursive: true, force: true });
});

const PRICE = '"inputPrice":"1"';
const exchangeOf = (requestId: string): Routed =>
  ({
    requestId,
    key: { snapshot: { organizationId: 'o' } },
    charge: { eventPart: '"organizationId":"o","apiKeyId":"k"', chosen: null, routeGroupId: null },
    held: {},
    ask: { stream: false, inputTokensEstimate: 17 },
    route: { name: 'r' },
    targets: [{ eventPart: '"route":"r","provider":"p","model":"m"', pricePart: PRICE }],
    holdNanoUsd: 5n,
    startedAtMs: 0,
    clientAddress: '10.0.0.1',
    eventHead: '',
    journaled: null,
  }) as unknown as Routed;
const step = (): ReturnType<typeof journalIntent> =>
  journalIntent(journal, { instanceId: 'i', journalId: journal.journalId }, 'v1');

describe('the intent of a request', () => {
  it('is on disk before the step lets the request go on, and a final is owed from then on', async () => {
    const exchange = exchangeOf('r1');
    expect(await step()(exchange)).toBeUndefined();
    const [record] = [...journal.records()];
    expect(record).toMatchObject({ type: 'I', requestId: 'r1' });
    expect(isJournaled(exchange) && exchange.journaled.intended).toBe(true);
  });

  it('has all that the usage event needs if this process dies: key, target, price, hold and estimate', async () => {
    const exchange = exchangeOf('r1');
    await step()(exchange);
    const [record] = [...journal.records()];
    const text = JSON.stringify(record);
    for (const part of ['r1', 'apiKeyId', 'provider', 'inputPrice', 'holdNanoUsd', 'inputTokensEstimate', 'v1'])
      expect(text).toContain(part);
    expect(exchange.eventHead).toContain('"requestId":"r1"');
  });

  it('names the prices that the request is charged by: those of all, and those that its organisation has besides', async () => {
    const [common, own] = [exchangeOf('r1'), exchangeOf('r2')];
    Object.assign(own, { route: { name: 'r', ownPriceVersion: '0f3a1c5b7d92' } });
    const intent = step();
    for (const exchange of [own, common]) await intent(exchange);
    expect(common.eventHead).toContain('"priceVersion":"v1"');
    expect(own.eventHead).toContain('"priceVersion":"v1-0f3a1c5b7d92"');
  });

  it('refuses with 503 if the disk does not take it, and no final is owed', async () => {
    vi.spyOn(journal, 'append').mockReturnValue(Promise.resolve(false));
    const exchange = exchangeOf('r1');
    expect(await step()(exchange)).toMatchObject({ kind: 'refusal', code: 'journal_unavailable' });
    expect(isJournaled(exchange) && exchange.journaled.intended).toBe(false);
  });

  it('shares its write, and the outcome of it, with the requests of the same turn alone', async () => {
    const [good, bad] = [Promise.resolve(true), Promise.resolve(false)];
    vi.spyOn(journal, 'append').mockReturnValueOnce(good).mockReturnValueOnce(good).mockReturnValueOnce(bad);
    const intent = step();
    const answers = ['r1', 'r2', 'r3'].map((id) => intent(exchangeOf(id)));
    expect(answers[0]).toBe(answers[1]);
    expect(await Promise.all(answers)).toEqual([
      undefined,
      undefined,
      expect.objectContaining({ code: 'journal_unavailable' }),
    ]);
  });
});

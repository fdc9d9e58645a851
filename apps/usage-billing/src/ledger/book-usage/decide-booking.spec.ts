import { readFileSync } from 'node:fs';
import { usageRecordedV2, type UsageRecordedV1, type UsageRecordedV2 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { newAccount, type AccountState } from '../account.js';
import { decideBooking, type LedgerState } from './decide-booking.js';

let requests = 0;
const requestId = () => `00000000-0000-4000-8000-${String(++requests).padStart(12, '0')}`;
const event = (fields: Partial<UsageRecordedV1> = {}): UsageRecordedV1 => ({
  eventVersion: 1,
  requestId: requestId(),
  organizationId: 'org',
  apiKeyId: 'key',
  journalId: 'journal',
  journalNumber: 1,
  outcome: 'completed',
  route: 'r',
  provider: 'p',
  model: 'm',
  stream: false,
  inputTokens: 1,
  outputTokens: 1,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  usageSource: 'provider',
  costNanoUsd: '10',
  chargeNanoUsd: '10',
  holdNanoUsd: '10',
  accounts: [{ accountId: 'a', capNanoUsd: '100' }],
  priceVersion: '1',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:01.000Z',
  clientAddress: '',
  ...fields,
});
const golden = usageRecordedV2.parse(
  JSON.parse(
    readFileSync(
      new URL('../../../../../libs/domain/contracts/src/events/golden/usage-recorded.v2.json', import.meta.url),
      'utf8',
    ),
  ),
);
/** The event of the same request in the second version. */
const second = ({ eventVersion: _, ...fields }: UsageRecordedV1): UsageRecordedV2 => ({
  ...golden,
  ...fields,
  accounts: fields.accounts.map((each) => ({ ...each, kind: null, cycle: null })),
  secretId: null,
});
const account = (fields: Partial<AccountState>): AccountState => ({
  ...newAccount('a', 'org', 'key'),
  capNanoUsd: 100n,
  ceilingNanoUsd: 100n,
  ...fields,
});
const ledger = (fields: Partial<LedgerState> = {}): LedgerState => ({
  accounts: new Map(),
  booked: new Set(),
  bookedInShort: new Set(),
  voided: new Set(),
  liveJournals: new Set(['journal']),
  ...fields,
});

describe('decideBooking', () => {
  it('posts the charge of a new event to each of its accounts', () => {
    const accounts = [
      { accountId: 'a', capNanoUsd: '100' },
      { accountId: 'b', capNanoUsd: null },
    ];
    const decision = decideBooking([event({ accounts })], ledger());
    expect(decision.bookings).toMatchObject([{ kind: 'post', chargeNanoUsd: 10n, lossNanoUsd: 0n, beyondHold: false }]);
    expect(decision.accounts.get('a')).toMatchObject({
      postedNanoUsd: 10n,
      capNanoUsd: 100n,
      ceilingNanoUsd: 100n,
      apiKeyId: 'key',
    });
    expect(decision.accounts.get('b')).toMatchObject({
      postedNanoUsd: 10n,
      capNanoUsd: null,
      ceilingNanoUsd: null,
      apiKeyId: null,
    });
  });

  it('books the second version of an event rather than the first, whichever comes first', () => {
    const [one, other] = [event(), event()];
    const [later, latter] = [second(one), second(other)];
    for (const events of [
      [one, later, other],
      [later, one, other],
      [one, other, later, latter, later],
    ]) {
      const { bookings, facts } = decideBooking(events, ledger());
      const last = events.includes(latter) ? latter : other;
      expect(bookings.map((booking) => booking.event)).toEqual([later, last]);
      expect(bookings.map(({ chargeNanoUsd }) => chargeNanoUsd)).toEqual([10n, 10n]);
      expect(facts).toEqual([]);
    }
  });

  it('charges a request that is booked in the first version no more, and keeps what the second adds', () => {
    const one = event();
    const later = second(one);
    const booked = new Set([one.requestId]);
    const inShort = ledger({ booked, bookedInShort: booked });
    const odd = { ...later, requestId: one.requestId.toUpperCase(), chargeNanoUsd: '9' };
    for (const events of [[later], [one, later, odd], [odd, later]]) {
      const decision = decideBooking(events, inShort);
      expect(decision.bookings).toEqual([]);
      expect(decision.accounts.size).toBe(0);
      expect(decision.facts).toEqual([events.find(({ eventVersion }) => eventVersion === 2)]);
    }
    expect(decideBooking([one], inShort).facts).toEqual([]);
    expect(decideBooking([later], ledger({ booked })).facts).toEqual([]);
  });

  it('books a request once, whether the ledger has it or the batch has it twice', () => {
    const known = event();
    const twice = event({ costNanoUsd: '7', chargeNanoUsd: '7' });
    const decision = decideBooking(
      [known, twice, { ...twice, chargeNanoUsd: '3' }],
      ledger({ booked: new Set([known.requestId]) }),
    );
    expect(decision.bookings.map(({ chargeNanoUsd }) => chargeNanoUsd)).toEqual([7n]);
    expect(decision.accounts.get('a')?.postedNanoUsd).toBe(7n);
  });

  it('a request id in capitals is the same request', () => {
    const known = { ...event(), requestId: 'aaaaaaaa-0000-4000-8000-000000000001' };
    const decision = decideBooking(
      [{ ...known, requestId: known.requestId.toUpperCase() }],
      ledger({ booked: new Set([known.requestId]) }),
    );
    expect(decision.bookings).toEqual([]);
  });

  it("what the provider charged beyond the hold is nobody's", () => {
    const { bookings } = decideBooking([event({ costNanoUsd: '25', chargeNanoUsd: '10' })], ledger());
    expect(bookings).toMatchObject([{ chargeNanoUsd: 10n, lossNanoUsd: 15n, beyondHold: false }]);
  });

  it('never posts more than the cap, and lets admission load its balances again when it had to cut', () => {
    const state = ledger({ accounts: new Map([['a', account({ postedNanoUsd: 94n })]]) });
    const { bookings, accounts } = decideBooking([event(), event()], state);
    expect(bookings).toMatchObject([
      { chargeNanoUsd: 6n, lossNanoUsd: 4n, beyondHold: true },
      { chargeNanoUsd: 0n, lossNanoUsd: 10n, beyondHold: true },
    ]);
    expect(accounts.get('a')?.postedNanoUsd).toBe(100n);
  });

  it('the tightest of several accounts decides for all of them', () => {
    const both = [
      { accountId: 'a', capNanoUsd: '100' },
      { accountId: 'b', capNanoUsd: '4' },
    ];
    const { bookings, accounts } = decideBooking([event({ accounts: both })], ledger());
    expect(bookings[0]).toMatchObject({ chargeNanoUsd: 4n, lossNanoUsd: 6n });
    expect([...accounts.values()].map(({ postedNanoUsd }) => postedNanoUsd)).toEqual([4n, 4n]);
  });

  it('a request that was admitted under a higher cap is charged although the cap was lowered meanwhile', () => {
    const lowered = event({ accounts: [{ accountId: 'a', capNanoUsd: '50' }], costNanoUsd: '0', chargeNanoUsd: '0' });
    const state = ledger({ accounts: new Map([['a', account({ postedNanoUsd: 60n })]]) });
    const { bookings, accounts } = decideBooking([lowered, event()], state);
    expect(bookings[1]).toMatchObject({ chargeNanoUsd: 10n, beyondHold: false });
    expect(accounts.get('a')).toMatchObject({ postedNanoUsd: 70n, ceilingNanoUsd: 100n });
  });

  it('a first cap below what was spent without one charges nothing more and breaks nothing', () => {
    const state = ledger({
      accounts: new Map([['a', account({ capNanoUsd: null, postedNanoUsd: 200n, ceilingNanoUsd: null })]]),
    });
    const { bookings, accounts } = decideBooking([event()], state);
    expect(bookings[0]).toMatchObject({ chargeNanoUsd: 0n, lossNanoUsd: 10n, beyondHold: true });
    expect(accounts.get('a')).toMatchObject({ postedNanoUsd: 200n, ceilingNanoUsd: 200n });
  });

  it('what is spent without a cap takes no room from what was admitted under one', () => {
    const uncapped = event({
      accounts: [{ accountId: 'a', capNanoUsd: null }],
      holdNanoUsd: null,
      costNanoUsd: '50',
      chargeNanoUsd: '50',
    });
    const state = ledger({ accounts: new Map([['a', account({ postedNanoUsd: 90n })]]) });
    const { bookings } = decideBooking([uncapped, event()], state);
    expect(bookings.map(({ chargeNanoUsd }) => chargeNanoUsd)).toEqual([50n, 10n]);
  });

  it('an event after its orphan was given back charges the cost, at most the hold and the room that is left', () => {
    const late = (costNanoUsd: string, posted: bigint) => {
      const one = event({ costNanoUsd, chargeNanoUsd: '0', holdNanoUsd: '20' });
      return decideBooking(
        [one],
        ledger({ voided: new Set([one.requestId]), accounts: new Map([['a', account({ postedNanoUsd: posted })]]) }),
      ).bookings[0];
    };
    expect(late('15', 0n)).toMatchObject({ kind: 'adjust', chargeNanoUsd: 15n, lossNanoUsd: 0n, beyondHold: true });
    expect(late('25', 0n)).toMatchObject({ chargeNanoUsd: 20n, lossNanoUsd: 5n });
    expect(late('15', 92n)).toMatchObject({ chargeNanoUsd: 8n, lossNanoUsd: 7n });
    expect(late('15', 100n)).toMatchObject({ chargeNanoUsd: 0n, lossNanoUsd: 15n });
  });

  it("an event with a hold from a journal whose gateway is gone is not in anybody's balances", () => {
    const gone = ledger({ liveJournals: new Set() });
    expect(decideBooking([event()], gone).bookings[0]).toMatchObject({
      kind: 'post',
      chargeNanoUsd: 10n,
      beyondHold: true,
    });
    expect(decideBooking([event({ holdNanoUsd: null })], gone).bookings[0]).toMatchObject({ beyondHold: false });
  });

  describe('of a key with limits', () => {
    const DAY = 'key:key:daily:2026-01-01';
    const unheldEvent = (fields: Partial<UsageRecordedV1> = {}) =>
      event({ holdNanoUsd: null, accounts: [{ accountId: 'key:key', capNanoUsd: null }], ...fields });
    const inForce = (accountId: string, fields: Partial<AccountState> = {}): [string, AccountState] => [
      accountId,
      account({
        ...newAccount(accountId, 'org', accountId.startsWith('key:') ? 'key' : null),
        ceilingNanoUsd: 100n,
        ...fields,
      }),
    ];
    const booked = (one: UsageRecordedV1, ...accounts: [string, AccountState][]) => {
      const { bookings, accounts: after, loads } = decideBooking([one], ledger({ accounts: new Map(accounts) }));
      const posted = Object.fromEntries(bookings[0]!.accountIds.map((id) => [id, after.get(id)!.postedNanoUsd]));
      return { posted, loads: loads.get('org') ?? [], booking: bookings[0]! };
    };

    it('a call that began before the first limit is charged in full to the account of the limit, and admission is told', () => {
      const before = inForce('key:key', { postedNanoUsd: 95n, unheldNanoUsd: 95n, generation: 3 });
      const { posted, loads, booking } = booked(unheldEvent(), before);
      expect(posted).toEqual({ 'key:key': 105n });
      expect(booking).toMatchObject({ chargeNanoUsd: 10n, beyondHold: false });
      expect(loads).toEqual([{ accountId: 'key:key', unheldNanoUsd: 105n, generation: 3 }]);
    });
    it('a call that held credit is charged to the account it was held on, which admission knows', () => {
      const held = event({ accounts: [{ accountId: DAY, capNanoUsd: '100' }] });
      expect(booked(held, inForce(DAY))).toMatchObject({ posted: { [DAY]: 10n }, loads: [] });
    });
    it.each([
      ['the last millisecond of the day before, by the clock of its gateway', '2025-12-31T23:59:59.999Z', DAY],
      ['the next day, by the clock of its gateway', '2026-01-02T00:00:00.000Z', DAY],
    ])('a call of %s counts in the cycle that its credit was held in, and in no other', (_, startedAt, held) => {
      const one = event({ startedAt, accounts: [{ accountId: held, capNanoUsd: '100' }] });
      const others = [inForce('key:key:daily:2025-12-31'), inForce('key:key:daily:2026-01-02')];
      expect(booked(one, inForce(DAY), ...others).posted).toEqual({ [DAY]: 10n });
    });
    it.each([
      ['2025-12-31T23:59:59.999Z', {}],
      ['2026-01-01T00:00:00.000Z', { [DAY]: 10n }],
      ['2026-01-01T23:59:59.999Z', { [DAY]: 10n }],
      ['2026-01-02T00:00:00.000Z', {}],
    ])('a call without a hold that began at %s counts in the cycles that cover it', (startedAt, expected) => {
      expect(booked(unheldEvent({ startedAt }), inForce(DAY)).posted).toEqual({ 'key:key': 10n, ...expected });
    });
    it('a call that began under the limit of before is charged to its own account and to that of the new reset', () => {
      const held = event({ accounts: [{ accountId: DAY, capNanoUsd: '100' }] });
      const month = inForce('key:key:monthly:2026-01-01', { generation: 4 });
      const { posted, loads } = booked(
        held,
        inForce(DAY, { generation: 2 }),
        month,
        inForce('key:key', { generation: 1 }),
      );
      expect(posted).toEqual({ [DAY]: 10n, [month[0]]: 10n });
      expect(loads).toEqual([{ accountId: month[0], unheldNanoUsd: 10n, generation: 4 }]);
    });
    it('a call of any key counts in the limit that its organisation was given meanwhile', () => {
      const { posted, loads } = booked(unheldEvent(), inForce('organization:org', { generation: 2 }));
      expect(posted).toEqual({ 'key:key': 10n, 'organization:org': 10n });
      expect(loads).toEqual([{ accountId: 'organization:org', unheldNanoUsd: 10n, generation: 2 }]);
    });
    it('an account that never had a limit is nothing to admission', () => {
      expect(booked(unheldEvent(), inForce('key:key', { ceilingNanoUsd: null })).loads).toEqual([]);
    });
  });
});

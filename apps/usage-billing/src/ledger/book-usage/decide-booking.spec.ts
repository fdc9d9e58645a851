import { readFileSync } from 'node:fs';
import { usageRecordedV2, type UsageRecordedV1, type UsageRecordedV2 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { newAccount, type AccountState } from '../account.js';
import type { BookedOrphan } from '../replace-orphans/booked-orphan.js';
import { columnName } from './column-name.js';
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
/** What is booked of an event of version 1, as the ledger reads it. */
const bookedInShort = (one: UsageRecordedV1): LedgerState['bookedInShort'] => {
  const columns = Object.entries(one).map(([name, value]): [string, unknown] => [
    columnName(name),
    name.endsWith('At') ? new Date(value as string) : value,
  ]);
  const row = { text_input_tokens: null, told_charge_nano_usd: one.chargeNanoUsd, ...Object.fromEntries(columns) };
  return new Map([[one.requestId.toLowerCase(), row]]);
};
const account = (fields: Partial<AccountState>): AccountState => ({
  ...newAccount('a', 'org', 'key'),
  capNanoUsd: 100n,
  ceilingNanoUsd: 100n,
  ...fields,
});
const ledger = (fields: Partial<LedgerState> = {}): LedgerState => ({
  accounts: new Map(),
  booked: new Set(),
  bookedInShort: new Map(),
  orphans: new Map(),
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
    const inShort = ledger({ booked, bookedInShort: bookedInShort(one) });
    const again = { ...later, requestId: one.requestId.toUpperCase(), tierServed: 'another' };
    for (const events of [[later], [one, later, again], [again, later]]) {
      const decision = decideBooking(events, inShort);
      expect(decision.bookings).toEqual([]);
      expect(decision.accounts.size).toBe(0);
      expect(decision.facts).toEqual([events.find(({ eventVersion }) => eventVersion === 2)]);
    }
    // What says something else of the call adds nothing to it.
    for (const fields of [{ chargeNanoUsd: '9' }, { inputTokens: 2 }, { apiKeyId: 'another' }]) {
      expect(decideBooking([{ ...later, ...fields }], inShort).facts).toEqual([]);
      expect(decideBooking([{ ...later, ...fields }, later], inShort).facts).toEqual([later]);
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

  it('an event after its orphan was given back charges as its gateway did, at most the room that is left', () => {
    const late = (costNanoUsd: string, posted: bigint, chargeNanoUsd = costNanoUsd) => {
      const one = event({ costNanoUsd, chargeNanoUsd, holdNanoUsd: '20' });
      return decideBooking(
        [one],
        ledger({ voided: new Set([one.requestId]), accounts: new Map([['a', account({ postedNanoUsd: posted })]]) }),
      ).bookings[0];
    };
    expect(late('15', 0n)).toMatchObject({ kind: 'adjust', chargeNanoUsd: 15n, lossNanoUsd: 0n, beyondHold: true });
    expect(late('25', 0n)).toMatchObject({ chargeNanoUsd: 20n, lossNanoUsd: 5n });
    expect(late('15', 92n)).toMatchObject({ chargeNanoUsd: 8n, lossNanoUsd: 7n });
    expect(late('15', 100n)).toMatchObject({ chargeNanoUsd: 0n, lossNanoUsd: 15n });
    // The rest of a report that no call can have used was never owed.
    expect(late('19', 0n, '7')).toMatchObject({ kind: 'adjust', chargeNanoUsd: 7n, lossNanoUsd: 12n });
    expect(late('25', 0n, '0')).toMatchObject({ chargeNanoUsd: 0n, lossNanoUsd: 25n });
  });

  it('an event of a call without an answer charges nothing, though its provider reported usage', () => {
    for (const holdNanoUsd of ['20', null])
      for (const isVoided of [false, true]) {
        const failed = { outcome: 'provider_failed', costNanoUsd: '15', chargeNanoUsd: '0', holdNanoUsd } as const;
        const one: UsageRecordedV2 = { ...second(event(failed)), billableNanoUsd: '0' };
        const state = ledger({ voided: new Set(isVoided ? [one.requestId] : []) });
        expect(decideBooking([one], state).bookings).toMatchObject([{ chargeNanoUsd: 0n, lossNanoUsd: 15n }]);
      }
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
      const posted = Object.fromEntries(
        bookings[0]!.charges.map(({ accountId }) => [accountId, after.get(accountId)!.postedNanoUsd]),
      );
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

  describe('of a key in groups, with prepaid credit', () => {
    const grant = (id: string, held: number, cap = 100) => ({
      accountId: `grant:${id}`,
      capNanoUsd: String(cap),
      kind: null,
      cycle: null,
      heldNanoUsd: String(held),
    });
    const own = { accountId: 'key:key', capNanoUsd: null, kind: null, cycle: null };
    const told = (fields: Partial<UsageRecordedV2> = {}): UsageRecordedV2 => ({
      ...second(event()),
      projectId: null,
      memberId: null,
      groupIds: null,
      routeGroupId: null,
      accounts: [own],
      ...fields,
    });
    const held = (accountId: string, fields: Partial<AccountState> = {}): [string, AccountState] => [
      accountId,
      { ...newAccount(accountId, 'org', null), ceilingNanoUsd: 100n, ...fields },
    ];
    const chargesOf = (one: UsageRecordedV2, state: Partial<LedgerState> = {}) => {
      const decision = decideBooking([one], ledger(state));
      const [booking] = decision.bookings;
      const charges = Object.fromEntries(booking!.charges.map((each) => [each.accountId, Number(each.amountNanoUsd)]));
      return { ...booking!, charges, loads: decision.loads.get('org') ?? [] };
    };

    it('grants pay in the order in which they were held, each at most its part; other accounts pay the whole', () => {
      const accounts = [own, { ...own, accountId: 'organization:org', capNanoUsd: '50' }, grant('a', 4), grant('b', 6)];
      for (const [charge, a, b] of [
        ['10', 4, 6],
        ['7', 4, 3],
        ['4', 4, 0],
        ['1', 1, 0],
        ['0', 0, 0],
      ] as const) {
        const { charges, beyondHold } = chargesOf(told({ accounts, chargeNanoUsd: charge }));
        const whole = Number(charge);
        expect(charges).toEqual({ 'key:key': whole, 'organization:org': whole, 'grant:a': a, 'grant:b': b });
        expect(beyondHold).toBe(false);
      }
    });

    it('the mark-up is charged within the hold, and is no loss', () => {
      const marked = told({
        accounts: [own, grant('a', 12)],
        holdNanoUsd: '12',
        chargeNanoUsd: '11',
        billableNanoUsd: '11',
      });
      expect(chargesOf(marked)).toMatchObject({ chargeNanoUsd: 11n, lossNanoUsd: 0n });
      expect(chargesOf({ ...marked, chargeNanoUsd: '12', billableNanoUsd: '14' })).toMatchObject({
        chargeNanoUsd: 12n,
        lossNanoUsd: 0n,
      });
      expect(chargesOf({ ...marked, costNanoUsd: '20', chargeNanoUsd: '12', billableNanoUsd: '22' })).toMatchObject({
        chargeNanoUsd: 12n,
        lossNanoUsd: 8n,
      });
    });

    it('an adjustment takes of each grant what is left of its part, and nothing of what expired', () => {
      const late = told({ accounts: [own, grant('a', 4), grant('b', 6)] });
      const voided = new Set([late.requestId]);
      const adjusted = (accounts: [string, AccountState][]) => chargesOf(late, { voided, accounts: new Map(accounts) });
      expect(adjusted([])).toMatchObject({ kind: 'adjust', charges: { 'grant:a': 4, 'grant:b': 6 }, lossNanoUsd: 0n });
      expect(adjusted([held('grant:a', { postedNanoUsd: 99n })])).toMatchObject({
        charges: { 'key:key': 7, 'grant:a': 1, 'grant:b': 6 },
        lossNanoUsd: 3n,
        beyondHold: true,
      });
      expect(adjusted([held('grant:a', { postedNanoUsd: 10n, ceilingNanoUsd: 10n })])).toMatchObject({
        charges: { 'key:key': 6, 'grant:a': 0, 'grant:b': 6 },
        lossNanoUsd: 4n,
      });
    });

    it('of what lapsed nothing is charged by an event that arrives late, whether its hold was released or lost', () => {
      // Of 100 that were given 10 were spent and 88 lapsed, so that no event may raise what can be posted above 12.
      const lapsed = () => new Map([held('grant:a', { postedNanoUsd: 10n, ceilingNanoUsd: 12n })]);
      const late = told({ accounts: [own, grant('a', 4), grant('b', 6)] });
      for (const voided of [new Set<string>(), new Set([late.requestId])]) {
        const decided = chargesOf(late, { voided, accounts: lapsed() });
        expect(decided).toMatchObject({ charges: { 'grant:a': 2, 'grant:b': 6 }, lossNanoUsd: 2n, beyondHold: true });
        const { accounts } = decideBooking(
          [late, { ...late, requestId: requestId() }],
          ledger({ voided, accounts: lapsed() }),
        );
        expect(accounts.get('grant:a')).toMatchObject({ postedNanoUsd: 12n, ceilingNanoUsd: 12n });
      }
    });

    it('no more is posted to a grant than it was given, and admission loads its balances again', () => {
      const one = told({ accounts: [own, grant('a', 4), grant('b', 6)] });
      const state = { accounts: new Map([held('grant:a', { postedNanoUsd: 98n })]) };
      expect(chargesOf(one, state)).toMatchObject({
        charges: { 'key:key': 8, 'grant:a': 2, 'grant:b': 6 },
        lossNanoUsd: 2n,
        beyondHold: true,
      });
      const less = { ...one, chargeNanoUsd: '7' };
      expect(chargesOf(less, state)).toMatchObject({ charges: { 'grant:a': 2, 'grant:b': 5 }, beyondHold: true });
    });

    const DAY = ':daily:2026-01-01';
    const budgets = (...ids: string[]) => ({ accounts: new Map(ids.map((id) => held(id, { generation: 1 }))) });

    it('a call that began before a budget counts in it: of the group that opened the route, else of all groups', () => {
      const inForce = budgets('group:a', 'group:b', 'project:p', 'group:c');
      const open = told({ groupIds: ['a', 'b'], projectId: 'p', holdNanoUsd: null });
      expect(chargesOf(open, inForce)).toMatchObject({
        charges: { 'key:key': 10, 'group:a': 10, 'group:b': 10, 'project:p': 10 },
        beyondHold: false,
        loads: ['group:a', 'group:b', 'project:p'].map((accountId) => ({
          accountId,
          unheldNanoUsd: 10n,
          generation: 1,
        })),
      });
      expect(chargesOf({ ...open, routeGroupId: 'b', projectId: null }, inForce).charges).toEqual({
        'key:key': 10,
        'group:b': 10,
      });
    });

    it('a call that was held on a budget counts in it once, also where its key has left the group', () => {
      const named = { ...own, accountId: `group:a${DAY}`, capNanoUsd: '100' };
      const one = told({ groupIds: ['a', 'b'], routeGroupId: null, accounts: [own, named] });
      expect(chargesOf(one, budgets(`group:a${DAY}`, 'group:b')).charges).toEqual({
        'key:key': 10,
        [`group:a${DAY}`]: 10,
        'group:b': 10,
      });
      expect(chargesOf({ ...one, groupIds: [] }, budgets(`group:a${DAY}`)).charges).toEqual({
        'key:key': 10,
        [`group:a${DAY}`]: 10,
      });
    });

    it.each([
      ['2025-12-31T23:59:59.999Z', null, {}],
      ['2026-01-01T23:59:59.999Z', null, { [`group:a${DAY}`]: 10 }],
      ['2025-12-31T23:59:59.999Z', `project:p${DAY}`, { [`group:a${DAY}`]: 10, [`project:p${DAY}`]: 10 }],
    ])(
      'a call that began at %s and was held on %s counts in the cycle of a later budget that covers it',
      (startedAt, on, expected) => {
        const accounts = on === null ? [own] : [own, { ...own, accountId: on, capNanoUsd: '100' }];
        const one = told({ startedAt, accounts, groupIds: ['a'] });
        expect(chargesOf(one, budgets(`group:a${DAY}`)).charges).toEqual({ 'key:key': 10, ...expected });
      },
    );

    it('only the budget in force counts: that of the highest version of each group', () => {
      const accounts = new Map([held(`group:a${DAY}`, { generation: 1 }), held('group:a', { generation: 2 })]);
      expect(chargesOf(told({ groupIds: ['a'] }), { accounts }).charges).toEqual({ 'key:key': 10, 'group:a': 10 });
    });

    it('a budget of another organisation is never charged, whatever an event says', () => {
      const accounts = new Map([held('group:a', { organizationId: 'other' })]);
      expect(chargesOf(told({ groupIds: ['a'] }), { accounts }).charges).toEqual({ 'key:key': 10 });
    });
  });
});

describe('a final whose request is booked by the event of an orphan', () => {
  const orphan = (fields: Partial<BookedOrphan> = {}): BookedOrphan => ({
    requestId: '00000000-0000-4000-8000-00000000000a',
    organizationId: 'org',
    apiKeyId: 'key',
    startedAt: '2026-01-01T00:00:00.000Z',
    accounts: [{ accountId: 'a', capNanoUsd: '100' }],
    charges: [{ accountId: 'a', amountNanoUsd: 4n, isHeld: true }],
    chargeNanoUsd: 4n,
    costNanoUsd: 4n,
    lossNanoUsd: 0n,
    inputTokens: 1,
    outputTokens: 0,
    ...fields,
  });
  const after = (fields: Partial<UsageRecordedV1>, one = orphan(), state: Partial<AccountState> = {}) => {
    const final = event({ requestId: one.requestId.toUpperCase(), ...fields });
    return decideBooking(
      [final],
      ledger({
        booked: new Set([one.requestId]),
        orphans: new Map([[one.requestId, one]]),
        accounts: new Map([['a', account({ postedNanoUsd: 34n, ...state })]]),
      }),
    );
  };

  it.each([
    ['of the same cost', '4', '4', 34n, 0n],
    ['that is cheaper', '1', '1', 31n, 0n],
    ['that is free', '0', '0', 30n, 0n],
    ['that is dearer', '9', '9', 39n, 0n],
    ['that is dearer than its hold', '17', '10', 40n, 7n],
    ['of which its gateway charged a part, as no call can have used the rest', '9', '5', 35n, 4n],
  ])('%s is charged in its place', (_what, costNanoUsd, chargeNanoUsd, postedNanoUsd, lossNanoUsd) => {
    const { bookings, accounts } = after({ costNanoUsd, chargeNanoUsd });
    expect(bookings).toMatchObject([
      { kind: 'correct', lossNanoUsd, beyondHold: true, replaced: { chargeNanoUsd: 4n } },
    ]);
    expect(accounts.get('a')).toMatchObject({ postedNanoUsd, ceilingNanoUsd: 100n, unheldNanoUsd: 0n });
  });

  it.each([
    ['leaves some', { postedNanoUsd: 98n }, 6n],
    ['leaves nothing more', { postedNanoUsd: 100n }, 4n],
    ['was lowered below what is posted', { postedNanoUsd: 180n, ceilingNanoUsd: 200n }, 4n],
  ])('is charged what the cap %s, and as much as its orphan was', (_what, state, chargeNanoUsd) => {
    const { bookings } = after({}, orphan(), state);
    expect(bookings).toMatchObject([{ chargeNanoUsd, lossNanoUsd: 10n - chargeNanoUsd }]);
  });

  it('takes back what was charged without a hold, with the room that this had made', () => {
    const one = orphan({ charges: [{ accountId: 'a', amountNanoUsd: 4n, isHeld: false }] });
    const uncapped = { holdNanoUsd: null, accounts: [{ accountId: 'a', capNanoUsd: null }] };
    const { accounts } = after({ ...uncapped, costNanoUsd: '1', chargeNanoUsd: '1' }, one, { unheldNanoUsd: 9n });
    expect(accounts.get('a')).toMatchObject({ postedNanoUsd: 31n, unheldNanoUsd: 6n, ceilingNanoUsd: 97n });
  });

  it('takes back what was charged to accounts that it does not name', () => {
    const ofNoKey = { apiKeyId: null };
    const { accounts, bookings } = after({ accounts: [{ accountId: 'b', capNanoUsd: '50' }] }, orphan(), ofNoKey);
    expect(accounts.get('a')).toMatchObject({ postedNanoUsd: 30n });
    expect(accounts.get('b')).toMatchObject({ postedNanoUsd: 10n });
    expect(bookings[0]!.charges).toEqual([{ accountId: 'b', amountNanoUsd: 10n }]);
  });

  it('pays from the grants that the orphan was paid from, what has lapsed of them left out', () => {
    const held = (accountId: string, heldNanoUsd: string) => ({ accountId, capNanoUsd: '9', heldNanoUsd });
    const accounts = [{ accountId: 'k', capNanoUsd: null }, held('grant:a', '6'), held('grant:b', '4')];
    const charge = (accountId: string, amountNanoUsd: bigint) => ({ accountId, amountNanoUsd, isHeld: true });
    const one = orphan({ charges: [charge('grant:a', 5n)], chargeNanoUsd: 5n });
    const final = event({ requestId: one.requestId, accounts } as Partial<UsageRecordedV1>);
    const grant = (postedNanoUsd: bigint, ceilingNanoUsd: bigint): AccountState => ({
      ...account({ postedNanoUsd, ceilingNanoUsd }),
      apiKeyId: null,
    });
    const decision = decideBooking(
      [final],
      ledger({
        booked: new Set([one.requestId]),
        orphans: new Map([[one.requestId, one]]),
        // All of the first that was not charged has lapsed.
        accounts: new Map([
          ['grant:a', grant(7n, 7n)],
          ['grant:b', grant(0n, 9n)],
        ]),
      }),
    );
    expect(decision.bookings[0]!.charges).toEqual([
      { accountId: 'k', amountNanoUsd: 9n },
      { accountId: 'grant:a', amountNanoUsd: 5n },
      { accountId: 'grant:b', amountNanoUsd: 4n },
    ]);
    expect(decision.bookings[0]!.lossNanoUsd).toBe(1n);
  });

  it.each([
    ['another orphan', { outcome: 'orphaned' as const }],
    ['another key', { apiKeyId: 'other' }],
    ['another organisation', { organizationId: 'other' }],
  ])('is not replaced by the event of %s', (_what, fields) => {
    const { bookings, accounts, facts } = after(fields);
    expect([bookings, [...accounts], facts]).toEqual([[], [], []]);
  });

  it('is replaced once, by version 2 if both versions come, whatever orphans come with them', () => {
    const one = event({ requestId: orphan().requestId, costNanoUsd: '7', chargeNanoUsd: '7' });
    const lost = (told: UsageRecordedV1): UsageRecordedV1 => ({ ...told, outcome: 'orphaned', chargeNanoUsd: '1' });
    const state = ledger({
      booked: new Set([one.requestId]),
      bookedInShort: bookedInShort(lost(one)),
      orphans: new Map([[one.requestId, orphan()]]),
      accounts: new Map([['a', account({ postedNanoUsd: 34n })]]),
    });
    for (const events of [
      [one, second(one), lost(one)],
      [second(lost(one)), lost(one), second(one), one, one],
    ]) {
      const { bookings, facts, accounts } = decideBooking(events, state);
      expect(bookings).toMatchObject([{ kind: 'correct', event: { eventVersion: 2, outcome: 'completed' } }]);
      expect(facts).toEqual([]);
      expect(accounts.get('a')).toMatchObject({ postedNanoUsd: 37n });
    }
    const { bookings, facts } = decideBooking([second(lost(one))], state);
    expect([bookings.length, facts.length]).toEqual([0, 1]);
  });

  it('counts before the event of an orphan that comes in the same batch', () => {
    const one = event({ costNanoUsd: '7', chargeNanoUsd: '7' });
    const lost = second({ ...one, outcome: 'orphaned', costNanoUsd: '2', chargeNanoUsd: '2' });
    for (const events of [
      [one, lost],
      [lost, one],
    ])
      expect(decideBooking(events, ledger()).bookings).toMatchObject([
        { kind: 'post', chargeNanoUsd: 7n, replaced: null },
      ]);
    for (const events of [
      [one, lost],
      [lost, one],
    ])
      expect(decideBooking(events, ledger()).overtaken, 'its gateway may have announced it').toEqual([lost]);
    const uncapped = { ...lost, holdNanoUsd: null };
    expect(decideBooking([uncapped], ledger({ booked: new Set([one.requestId]) })).overtaken).toEqual([]);
    expect(decideBooking([lost], ledger({ booked: new Set([one.requestId]) })).overtaken).toEqual([lost]);
    expect(decideBooking([lost], ledger()).overtaken).toEqual([]);
    const inShort = ledger({ booked: new Set([one.requestId]), bookedInShort: bookedInShort(one) });
    expect(decideBooking([lost], inShort).facts, 'nor says an orphan more of a final').toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  announce,
  closeEpoch,
  emptyOrganization,
  leave,
  openEpoch,
  reserve,
  settle,
  settleBooked,
  type OpenHold,
  type OrganizationState,
} from './index.js';

/**
 * Lives of one organisation against books that anybody can follow: who holds how much, and what was charged. A failing
 * life is shrunk to the shortest that fails.
 */
const STORE = 'store';
const PARALLEL_MAX = 3;
const CAPS = { a: 30n, b: 20n } as const;
type AccountId = keyof typeof CAPS;

interface Books {
  readonly holds: Map<string, { readonly amount: bigint; readonly accounts: readonly AccountId[]; left: boolean }>;
  readonly charged: Record<AccountId, bigint>;
  isOpen: boolean;
  /** The gateway has yet to announce: nothing is admitted until then. */
  isWaiting: boolean;
  finals: number;
}

const heldOf = ({ holds }: Books, account: AccountId): bigint =>
  [...holds.values()]
    .filter(({ accounts }) => accounts.includes(account))
    .reduce((sum, { amount }) => sum + amount, 0n);

/** The state says of each account and of the key what the books say. */
function compare(books: Books, state: OrganizationState): void {
  expect([...state.holds.keys()].sort()).toEqual(books.isWaiting ? [] : [...books.holds.keys()].sort());
  if (books.isWaiting) return;
  for (const account of ['a', 'b'] as const) {
    const { postedNanoUsd = 0n, heldNanoUsd = 0n } = state.accounts.get(account) ?? {};
    expect([account, postedNanoUsd, heldNanoUsd]).toEqual([account, books.charged[account], heldOf(books, account)]);
  }
  const places = [...books.holds.values()].filter(({ left }) => !left).length;
  expect(state.rates.get('key')?.parallel ?? 0).toBe(places);
}

type Command = fc.Command<Books, OrganizationState>;

const command = (
  name: string,
  run: (books: Books, state: OrganizationState) => void,
  may?: (books: Books) => boolean,
) =>
  ({
    check: (books) => may?.(books) ?? true,
    run: (books, state) => {
      run(books, state);
      compare(books, state);
    },
    toString: () => name,
  }) satisfies Command;

const holdOf = (requestId: string, { holds }: Books): OpenHold => {
  const { amount, accounts, left } = holds.get(requestId)!;
  const whose = { requestId, apiKeyId: 'key', instanceId: 'i', journalId: 'j' };
  return { ...whose, amountNanoUsd: amount, accountIds: accounts, parallel: !left, tokens: 0 };
};

const reserveOne = (requestId: string, amountNanoUsd: bigint, accounts: readonly AccountId[]): Command =>
  command(`reserve ${requestId} ${amountNanoUsd} of ${accounts.join()}`, (books, state) => {
    const item = {
      ...{ requestId, amountNanoUsd, organizationId: 'o', apiKeyId: 'key', instanceId: 'i', journalId: 'j', tokens: 0 },
      accounts: accounts.map((accountId) => ({ accountId, capNanoUsd: CAPS[accountId] })),
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: PARALLEL_MAX },
    };
    const { kind } = reserve(state, item, STORE, 0);
    // Asked again, it is the same request.
    if (books.holds.has(requestId) && !books.isWaiting) return expect(kind).toBe('admitted');
    const places = books.isWaiting ? 0 : [...books.holds.values()].filter(({ left }) => !left).length;
    const fits = accounts.every((id) => books.charged[id] + heldOf(books, id) + amountNanoUsd <= CAPS[id]);
    if (places >= PARALLEL_MAX) expect(kind).toBe('rate_limited');
    else if (!books.isOpen || books.isWaiting) expect(kind).toBe('unavailable');
    else expect(kind).toBe(fits ? 'admitted' : 'credit_exhausted');
    if (kind === 'admitted') books.holds.set(requestId, { amount: amountNanoUsd, accounts, left: false });
  });

/** Charged is at most what was held, however much it cost. */
function charge(books: Books, requestId: string, cost: bigint): void {
  const { amount, accounts } = books.holds.get(requestId)!;
  for (const account of accounts) books.charged[account] += cost < amount ? cost : amount;
  books.holds.delete(requestId);
}

const settleOne = (requestId: string, chargeNanoUsd: bigint): Command =>
  command(
    `settle ${requestId} ${chargeNanoUsd}`,
    (books, state) => {
      const known = books.holds.has(requestId);
      expect(settle(state, { requestId, organizationId: 'o', chargeNanoUsd, tokens: null }, 0)).toBe(known);
      if (known) charge(books, requestId, chargeNanoUsd);
    },
    ({ isWaiting }) => !isWaiting,
  );

/** The ledger has the event: whether its gateway has settled, or announced, before makes no difference. */
const bookOne = (requestId: string, cost: bigint): Command =>
  command(
    `book ${requestId} ${cost}`,
    (books, state) => {
      const { amount, accounts } = books.holds.get(requestId)!;
      const chargeNanoUsd = cost < amount ? cost : amount;
      const journal = { journalId: 'j', journalNumber: ++books.finals, accountIds: accounts };
      const item = { requestId, organizationId: 'o', chargeNanoUsd, tokens: null, ...journal };
      settleBooked(state, item, 0);
      settleBooked(state, item, 0);
      charge(books, requestId, cost);
    },
    ({ holds }) => holds.has(requestId),
  );

const leaveOne = (requestId: string): Command =>
  command(
    `leave ${requestId}`,
    (books, state) => {
      leave(state, requestId);
      leave(state, requestId);
      const hold = books.holds.get(requestId);
      if (hold !== undefined) hold.left = true;
    },
    ({ isWaiting }) => !isWaiting,
  );

const closeIt = command('close', (books, state) => {
  closeEpoch(state);
  books.isOpen = false;
});

const openIt = (waits: boolean): Command =>
  command(`open${waits ? ', waiting' : ''}`, (books, state) => {
    const posted = (['a', 'b'] as const).map((accountId) => ({ accountId, postedNanoUsd: books.charged[accountId] }));
    const booked = [{ journalId: 'j', number: books.finals }];
    const waitingFor = waits || books.holds.size > 0 ? [{ journalId: 'j', instanceId: 'i' }] : [];
    const opened = openEpoch(state, { epochId: 'e', storeId: STORE, posted, booked, waitingFor });
    expect(opened).toBe(!books.isOpen);
    if (opened) books.isWaiting = waitingFor.length > 0;
    books.isOpen = true;
  });

const announceIt = command('announce', (books, state) => {
  const holds = [...books.holds.keys()].map((requestId) => holdOf(requestId, books));
  announce(state, 'j', holds, []);
  announce(state, 'j', holds, []);
  books.isWaiting = false;
});

describe('the credit of an organisation', () => {
  const ids = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5');
  const amounts = fc.bigInt({ min: 0n, max: 15n });
  const accounts = fc.constantFrom<(readonly AccountId[])[]>(['a'], ['b'], ['a', 'b']);
  it('is never more than its caps, and what the books say, in any life', () => {
    const commands = fc.commands(
      [
        fc.tuple(ids, amounts, accounts).map((of) => reserveOne(...of)),
        fc.tuple(ids, amounts, accounts).map((of) => reserveOne(...of)),
        fc.tuple(ids, amounts).map((of) => settleOne(...of)),
        fc.tuple(ids, amounts).map((of) => bookOne(...of)),
        ids.map(leaveOne),
        fc.constant(closeIt),
        fc.boolean().map(openIt),
        fc.constant(announceIt),
      ],
      { maxCommands: 60, size: 'max' },
    );
    fc.assert(
      fc.property(commands, (life) => {
        const charged = { a: 0n, b: 0n };
        const books: Books = { holds: new Map(), charged, isOpen: false, isWaiting: false, finals: 0 };
        fc.modelRun(() => ({ model: books, real: emptyOrganization() }), life);
        for (const id of ['a', 'b'] as const)
          expect(books.charged[id] + heldOf(books, id)).toBeLessThanOrEqual(CAPS[id]);
      }),
      { numRuns: 2_000 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  announce,
  closeEpoch,
  emptyOrganization,
  leave,
  loadAccounts,
  openEpoch,
  reserve,
  settle,
  settleBooked,
  type OpenHold,
  type OrganizationState,
} from './index.js';

/**
 * Random sequences of commands on one organisation, compared with a simple model of its books: the holds, and what was
 * charged. A failing sequence is shrunk to the shortest that fails.
 */
const STORE = 'store';
const PARALLEL_MAX = 3;
const CAPS = { a: 30n, b: 20n } as const;
type AccountId = keyof typeof CAPS;

interface Hold {
  readonly amount: bigint;
  readonly accounts: readonly AccountId[];
  readonly parallel: boolean;
}

/** A request that its gateway has ended, with its number in the journal; the ledger has not booked it yet. */
interface Final {
  readonly requestId: string;
  readonly number: number;
  readonly charge: bigint;
  readonly accounts: readonly AccountId[];
}

interface Books {
  /** Requests under way, as their gateway knows them. */
  readonly underway: Map<string, Hold>;
  readonly finals: Final[];
  /** The sums that the ledger has booked, and in `booked` the number of the last booked final. */
  readonly ledger: Record<AccountId, bigint>;
  booked: number;
  /** The part of them that was charged without a hold, and for which version the ledger has loaded the account. */
  readonly unheld: Record<AccountId, bigint>;
  readonly loaded: Record<AccountId, number>;
  /** The sums that admission must have. */
  readonly posted: Record<AccountId, bigint>;
  readonly held: Map<string, Hold>;
  isOpen: boolean;
  /** The gateway has yet to announce: nothing is admitted until then. */
  isWaiting: boolean;
  numbers: number;
}

const ACCOUNTS = ['a', 'b'] as const;
const newBooks = (): Books => ({
  underway: new Map(),
  finals: [],
  ledger: { a: 0n, b: 0n },
  booked: 0,
  unheld: { a: 0n, b: 0n },
  loaded: { a: 0, b: 0 },
  posted: { a: 0n, b: 0n },
  held: new Map(),
  isOpen: false,
  isWaiting: false,
  numbers: 0,
});

const heldOf = ({ held }: Books, account: AccountId): bigint =>
  [...held.values()].filter(({ accounts }) => accounts.includes(account)).reduce((sum, { amount }) => sum + amount, 0n);

/** Checks that the state agrees with the books, for each account and for the key. */
function compare(books: Books, state: OrganizationState): void {
  expect([...state.holds.keys()].sort()).toEqual([...books.held.keys()].sort());
  for (const account of ACCOUNTS) {
    const { postedNanoUsd = 0n, heldNanoUsd = 0n } = state.accounts.get(account) ?? {};
    expect([account, postedNanoUsd, heldNanoUsd]).toEqual([account, books.posted[account], heldOf(books, account)]);
    // Charges without a hold are owed, whatever the cap.
    expect(postedNanoUsd + heldNanoUsd).toBeLessThanOrEqual(CAPS[account] + books.unheld[account]);
  }
  const places = [...books.held.values()].filter(({ parallel }) => parallel).length;
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

const openHold = (requestId: string, { amount, accounts, parallel }: Hold): OpenHold => {
  const whose = { requestId, apiKeyId: 'key', instanceId: 'i', journalId: 'j' };
  return { ...whose, amountNanoUsd: amount, accountIds: accounts, parallel, tokens: 0 };
};

const isEnded = ({ finals }: Books, requestId: string): boolean =>
  finals.some((final) => final.requestId === requestId);

const reserveOne = (requestId: string, amount: bigint, accounts: readonly AccountId[], generation: number): Command =>
  command(
    `reserve ${requestId} ${amount} of ${accounts.join()} for version ${generation}`,
    (books, state) => {
      const item = {
        ...{ requestId, organizationId: 'o', apiKeyId: 'key', instanceId: 'i', journalId: 'j', tokens: 0 },
        amountNanoUsd: amount,
        accounts: accounts.map((accountId) => ({ accountId, capNanoUsd: CAPS[accountId], generation })),
        rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: PARALLEL_MAX },
      };
      const { kind } = reserve(state, item, STORE, 0);
      // A second reserve of the same request changes nothing.
      if (books.held.has(requestId)) return expect(kind).toBe('admitted');
      const places = [...books.held.values()].filter(({ parallel }) => parallel).length;
      const isLoaded = accounts.every((id) => books.loaded[id] >= generation);
      const fits = accounts.every((id) => books.posted[id] + heldOf(books, id) + amount <= CAPS[id]);
      if (places >= PARALLEL_MAX) expect(kind).toBe('rate_limited');
      else if (!books.isOpen || books.isWaiting) expect(kind).toBe('unavailable');
      else if (isLoaded) expect(kind).toBe(fits ? 'admitted' : 'credit_exhausted');
      else expect(kind).not.toBe('admitted');
      if (kind !== 'admitted') return;
      books.underway.set(requestId, { amount, accounts, parallel: true });
      books.held.set(requestId, { amount, accounts, parallel: true });
    },
    (books) => !isEnded(books, requestId) && (books.held.has(requestId) || !books.underway.has(requestId)),
  );

/** A gateway ends a request: first in the journal, then in admission, which may not have its hold under a new epoch. */
const settleOne = (requestId: string, cost: bigint): Command =>
  command(
    `settle ${requestId} ${cost}`,
    (books, state) => {
      const { amount, accounts } = books.underway.get(requestId)!;
      const charge = cost < amount ? cost : amount;
      books.underway.delete(requestId);
      books.finals.push({ requestId, number: ++books.numbers, charge, accounts });
      const known = books.held.delete(requestId);
      expect(settle(state, { requestId, organizationId: 'o', chargeNanoUsd: cost, tokens: null }, 0)).toBe(known);
      expect(settle(state, { requestId, organizationId: 'o', chargeNanoUsd: cost, tokens: null }, 0)).toBe(false);
      if (known) for (const account of accounts) books.posted[account] += charge;
    },
    ({ underway }) => underway.has(requestId),
  );

/** The ledger books the next final of the journal, and settles it in admission more than once. */
const bookNext = command(
  'book',
  (books, state) => {
    const { requestId, number, charge, accounts } = books.finals.shift()!;
    books.booked = number;
    const isAnnounced = books.held.delete(requestId);
    for (const account of accounts) {
      books.ledger[account] += charge;
      if (isAnnounced || books.isWaiting) books.posted[account] += charge;
    }
    const item = { requestId, organizationId: 'o', chargeNanoUsd: charge, tokens: null };
    for (let times = 0; times < 2; times++) {
      settleBooked(state, { ...item, journalId: 'j', journalNumber: number, accountIds: accounts }, 0);
    }
  },
  ({ finals }) => finals.length > 0,
);

/** The ledger charges an account without a hold, loads it for a version of its limit, or both, and tells admission. */
const loadOne = (accountId: AccountId, charge: bigint, generation: number): Command =>
  command(`charge ${charge} to ${accountId} without a hold, loaded for version ${generation}`, (books, state) => {
    const before = { accountId, unheldNanoUsd: books.unheld[accountId], generation: books.loaded[accountId] };
    books.ledger[accountId] += charge;
    books.unheld[accountId] += charge;
    books.loaded[accountId] = Math.max(books.loaded[accountId], generation);
    if (books.isOpen) books.posted[accountId] += charge;
    const item = { accountId, unheldNanoUsd: books.unheld[accountId], generation };
    for (const told of [item, item, before]) expect(loadAccounts(state, [told], STORE, 0)).toBe(books.isOpen);
  });

const leaveOne = (requestId: string): Command =>
  command(`leave ${requestId}`, (books, state) => {
    leave(state, requestId);
    leave(state, requestId);
    for (const holds of [books.held, books.underway]) {
      const hold = holds.get(requestId);
      if (hold !== undefined && books.held.has(requestId)) holds.set(requestId, { ...hold, parallel: false });
    }
  });

const closeIt = command('close', (books, state) => {
  closeEpoch(state);
  books.isOpen = false;
});

/** Opens an epoch from the ledger; it waits for the gateway if that has anything to announce. */
const openIt = command('open', (books, state) => {
  const posted = ACCOUNTS.map((accountId) => ({
    accountId,
    postedNanoUsd: books.ledger[accountId],
    unheldNanoUsd: books.unheld[accountId],
    generation: books.loaded[accountId],
  }));
  const isWaiting = books.underway.size + books.finals.length > 0;
  const opened = openEpoch(
    state,
    {
      epochId: 'e',
      storeId: STORE,
      posted,
      booked: [{ journalId: 'j', number: books.booked }],
      waitingFor: isWaiting ? [{ journalId: 'j', instanceId: 'i' }] : [],
    },
    0,
  );
  expect(opened).toBe(!books.isOpen);
  if (opened) {
    books.held.clear();
    for (const account of ACCOUNTS) books.posted[account] = books.ledger[account];
    books.isWaiting = isWaiting;
  }
  books.isOpen = true;
});

/**
 * Announces the requests under way, and all finals that may not be booked yet; admission leaves out booked ones by
 * their numbers.
 */
const announceIt = (all: readonly Final[]): Command =>
  command('announce', (books, state) => {
    const holds = [...books.underway].map(([requestId, hold]) => openHold(requestId, hold));
    const finals = [...all, ...books.finals].map(({ requestId, number, charge, accounts }) => ({
      ...openHold(requestId, { amount: charge, accounts, parallel: false }),
      journalNumber: number,
    }));
    announce(state, 'j', holds, finals);
    announce(state, 'j', holds, finals);
    if (books.isWaiting) {
      for (const [requestId, hold] of books.underway) books.held.set(requestId, hold);
      for (const { requestId, charge, accounts } of books.finals) {
        books.held.set(requestId, { amount: charge, accounts, parallel: false });
      }
    }
    books.isWaiting = false;
  });

describe('the credit of an organisation', () => {
  const ids = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5');
  const amounts = fc.bigInt({ min: 0n, max: 15n });
  const versions = fc.integer({ min: 0, max: 3 });
  const accounts = fc.constantFrom<(readonly AccountId[])[]>(['a'], ['b'], ['a', 'b']);
  it('is never more than its caps, and what the books say, in any life', () => {
    const commands = fc.commands(
      [
        fc.tuple(ids, amounts, accounts, fc.constant(0)).map((of) => reserveOne(...of)),
        fc.tuple(ids, amounts, accounts, versions).map((of) => reserveOne(...of)),
        fc.tuple(fc.constantFrom(...ACCOUNTS), amounts, versions).map((of) => loadOne(...of)),
        fc.tuple(ids, amounts).map((of) => settleOne(...of)),
        fc.constant(bookNext),
        ids.map(leaveOne),
        fc.constant(closeIt),
        fc.constant(openIt),
        // The second announcement includes a final that was booked long ago.
        fc.constantFrom(announceIt([]), announceIt([{ requestId: 'r0', number: 0, charge: 5n, accounts: ['a'] }])),
      ],
      { maxCommands: 60, size: 'max' },
    );
    fc.assert(
      fc.property(commands, (life) => {
        fc.modelRun(() => ({ model: newBooks(), real: emptyOrganization() }), life);
      }),
      { numRuns: 2_000 },
    );
  });
});

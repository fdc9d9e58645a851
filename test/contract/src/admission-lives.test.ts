import { randomInt, randomUUID } from 'node:crypto';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import { cycleAccountId, cycleOf, type CreditReset } from '@tollgate/api-key';
import {
  announce,
  closeEpoch,
  emptyOrganization,
  forgetTold,
  leave,
  carriedHold,
  carry,
  loadAccounts,
  noteRefusals,
  openEpoch,
  refusalMarks,
  reserve,
  settle,
  settleBooked,
  splitCharge,
  type AdmissionDecision,
  type CappedItem,
  type GrantItem,
  type HeldPart,
  type OrganizationState,
  type ReserveItem,
} from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockKey, readClockOfTest } from './clock-of-test.js';
import { randomBelow } from './random-below.js';

const lives = 10_000;
const stepsMax = 24;
/** Lives that run at the same time, so that their commands share round trips. */
const livesAtOnce = 500;
const journalId = 'journal-1';
const accountIds = ['a', 'b'] as const;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Ten seconds before the end of a day, a week and a month. */
const birthMs = Date.UTC(2027, 0, 31, 23, 59, 50);
const resets: readonly CreditReset[] = ['daily', 'weekly', 'monthly'];
const generationsMax = 3;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'lives', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
  readClockOfTest(connection.client);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

describe('the script and its pure twin', () => {
  it(`agree after every step of ${lives} random lives with restarts, changed limits and clocks that jump, and never admit past a cap`, async () => {
    const seed = randomInt(2 ** 31);
    const outcomes = new Map<string, number>();
    for (let first = 0; first < lives; first += livesAtOnce) {
      await Promise.all(
        Array.from({ length: livesAtOnce }, async (_, number) => {
          const life = new Life(seed, first + number);
          for (const outcome of await life.live()) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }),
      );
    }
    // Lives in which nothing happens would agree as well, so each outcome must be frequent: half as frequent as the
    // rarest of these is on the average.
    for (const outcome of [
      'admitted',
      'credit_exhausted',
      'no_epoch',
      'announcing',
      'other_cycle',
      'not_loaded',
      'admitted in a cycle',
      'admitted in a cycle after the one that was loaded',
      'admitted by a raise',
      'refused after a raise',
      'a quota takes it',
      'pay-as-you-go takes it',
      'grants take it',
      'several grants take it',
      'a grant that expired is passed over',
      'refused for want of grants',
      'granted',
      'loaded',
      'carried',
      'carried no more',
      'charged without a hold',
      'refused above a cap',
      'clock ahead',
      'clock back',
      'rate_limited',
      'settled',
      'released',
      'left',
      'booked',
      'opened',
      'restarted empty',
      'restarted stale',
      'restarted gateway',
      'marked',
    ]) {
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(lives / 200);
    }
    // These need two refusals of one account in a life: one in 700 lives has the rarest.
    for (const outcome of [
      'marked again under other terms',
      'refused again without a new mark',
      'told of all but what came since',
    ]) {
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
    }
  });
});

/** The accounts of a request. */
type Accounts = Pick<ReserveItem, 'accounts' | 'either' | 'grants'>;

/** One random life of an organisation, computed both by the pure functions ("here") and by the scripts ("there"). */
class Life {
  /** The id of the current store; a restarted Redis has another one. */
  #store = 'store-0';
  #twin: OrganizationState = emptyOrganization();
  #gateway!: RedisAdmission;
  #instanceId = '';
  #caps: Record<string, bigint> = { a: 30n, b: 30n, c: 30n, quota: 8n, payg: 30n };
  /** In the order in which they are spent. */
  readonly #grants: GrantItem[] = [
    { accountId: 'g1', capNanoUsd: 12n, endMs: birthMs + minuteMs },
    { accountId: 'g2', capNanoUsd: 9n, endMs: birthMs + dayMs },
    { accountId: 'g3', capNanoUsd: 20n, endMs: null },
  ];
  readonly #organizationId: string;
  readonly #redis: RedisConnection;
  readonly #books: RedisAdmissionBooks;
  readonly #outcomes: string[] = [];
  /** What the ledger charged without a hold, by account. */
  readonly #unheld = new Map<string, bigint>();
  #nowMs = birthMs;
  /** The refusals that usage-billing has read and not forgotten yet. */
  #read: { readonly text: string; readonly count: number } | null = null;
  readonly #below: (bound: number) => number;
  #step = 0;

  /** Numbers are small on purpose, so that caps are reached, holds are exceeded and ids repeat. */
  constructor(
    private readonly seed: number,
    private readonly number: number,
  ) {
    this.#below = randomBelow(seed, number);
    this.#organizationId = `life-${seed}-${number}`;
    this.#redis = { ...connection, storeId: () => this.#store };
    this.#books = new RedisAdmissionBooks(this.#redis);
  }

  /**
   * Runs all steps; throws at the first step after which the two sides differ or a cap is exceeded. Returns the
   * outcomes.
   */
  async live(): Promise<readonly string[]> {
    await this.#pass(0);
    await this.#restartGateway();
    await this.#open([]);
    const steps = 1 + this.#below(stepsMax);
    for (this.#step = 0; this.#step < steps; this.#step++) {
      const before = takenOf(this.#twin);
      const mayGrowTo = await this.#takeStep();
      await this.#compare(this.#step === steps - 1);
      if (mayGrowTo !== null) this.#expectWithin(before, mayGrowTo);
    }
    return this.#outcomes;
  }

  /**
   * Runs one step. Resolves with the highest amount that may be posted and held on each account after it: the cap if a
   * request was admitted; no entry means no growth. Null if the step follows the ledger, where no limit applies.
   */
  async #takeStep(): Promise<Readonly<Record<string, bigint>> | null> {
    const requestId = `r${this.#below(10)}`;
    const accounts = this.#all();
    const amount = BigInt(this.#below(14));
    switch (this.#below(21)) {
      case 20:
        return this.#carry(amount);
      case 18:
      case 19:
        return this.#tell();
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#reserve(requestId, accounts, amount);
      case 4:
      case 5:
        return this.#settle(requestId, amount);
      case 6:
        return this.#settle(requestId, 0n);
      case 12:
        return this.#leave(requestId, amount);
      case 7:
        return this.#book(requestId, accounts, amount);
      case 13:
      case 14:
        return this.#load(amount);
      case 15:
      case 16:
        await this.#jump();
        return this.#reserve(requestId, this.#all(), amount);
      case 8:
        this.#caps[Object.keys(this.#caps)[this.#below(5)]!] = BigInt(5 + this.#below(40));
        return this.#reserve(requestId, accounts, amount);
      case 17:
        this.#grant(amount);
        return this.#reserve(requestId, this.#all(), amount);
      case 9:
        await this.#restartGateway();
        return {};
      case 10: {
        if (this.#below(2) === 0) await this.#close();
        await this.#open(this.#below(2) === 0 ? [] : [{ journalId, instanceId: this.#instanceId }]);
        if (this.#below(2) === 0) await this.#announce(requestId, amount);
        return null;
      }
      default: {
        await this.#restartStore();
        if (this.#below(2) === 0) await this.#open([{ journalId, instanceId: this.#instanceId }]);
        if (this.#below(2) === 0) await this.#announce(requestId, amount);
        return null;
      }
    }
  }

  /** More credit is given: before the credit that never expires, or behind it. */
  #grant(amount: bigint): void {
    const endMs = this.#below(3) === 0 ? null : this.#nowMs + [10_000, 12 * minuteMs, dayMs][this.#below(3)]!;
    this.#grants.push({ accountId: `g${this.#grants.length + 1}`, capNanoUsd: amount, endMs });
    this.#grants.sort((one, other) => (one.endMs ?? Infinity) - (other.endMs ?? Infinity));
    this.#outcomes.push('granted');
  }

  /** All accounts of a request: of a key alone, of a subscription, of an organisation that pays beforehand, or both. */
  #all(): Accounts {
    const accounts = this.#below(5) === 0 ? [] : this.#accounts();
    const raised = this.#below(2) === 0 ? accounts.map((account) => this.#raised(account)) : accounts;
    const quota = { ...this.#cycleAccount('quota'), ...(this.#below(3) === 0 ? { generation: 0 } : {}) };
    const payg = this.#raised({ accountId: 'payg', capNanoUsd: this.#caps['payg']! });
    const either = [[], [quota], [quota, payg]][this.#below(3)]!;
    return {
      accounts: raised,
      ...(this.#below(3) === 0 ? { either } : {}),
      ...(this.#below(3) === 0 ? { grants: this.#below(8) === 0 ? [] : [...this.#grants] } : {}),
    };
  }

  /** The account with more than its cap for a time, which may be over. */
  #raised(account: CappedItem): CappedItem {
    const untilMs = this.#nowMs + [-1, 0, 1, dayMs, dayMs][this.#below(5)]!;
    return { ...account, raise: { capNanoUsd: account.capNanoUsd + BigInt(this.#below(20)), untilMs } };
  }

  /** `a` alone, with `b`, or an account of `c` in a cycle, mostly the present one; some need to be loaded. */
  #accounts(): readonly CappedItem[] {
    const generation = this.#below(2) === 0 ? {} : { generation: this.#below(generationsMax + 1) };
    const a = { accountId: 'a', capNanoUsd: this.#caps['a']!, ...generation };
    const b = { accountId: 'b', capNanoUsd: this.#caps['b']! };
    switch (this.#below(4)) {
      case 0:
        return [a];
      case 1:
        return [a, b];
      case 2:
        return [{ ...this.#cycleAccount(), ...generation }];
      default:
        return [{ ...this.#cycleAccount(), ...generation }, b];
    }
  }

  /** An account in a cycle, as a gateway names it whose clock is at most a day off. */
  #cycleAccount(limit = 'c'): CappedItem {
    const byMs = this.#below(4) === 0 ? (this.#below(3) - 1) * dayMs : 0;
    const cycle = cycleOf(resets[this.#below(resets.length)]!, this.#nowMs + byMs);
    return { accountId: cycleAccountId(limit, cycle), capNanoUsd: this.#caps[limit]!, cycle };
  }

  /** The ledger charges an account without a hold, loads it for a version of its limit, or both, or repeats itself. */
  async #load(amount: bigint): Promise<null> {
    const accountId = this.#below(2) === 0 ? 'a' : this.#cycleAccount().accountId;
    if (this.#below(2) === 0) {
      this.#unheld.set(accountId, (this.#unheld.get(accountId) ?? 0n) + amount);
      this.#outcomes.push('charged without a hold');
    }
    // A call that was overtaken tells less than is known already.
    const behind = this.#below(4) === 0 ? 5n : 0n;
    const sum = (this.#unheld.get(accountId) ?? 0n) - behind;
    const item = { accountId, unheldNanoUsd: sum < 0n ? 0n : sum, generation: this.#below(generationsMax + 1) };
    const items = this.#below(3) === 0 ? [item, { ...item, generation: 0 }, { ...item, accountId: 'b' }] : [item];
    const here = loadAccounts(this.#twin, items, this.#store, this.#nowMs);
    const there = await this.#books.loadAccounts(this.#organizationId, items);
    this.#expectSame('whether accounts were loaded', String(there), String(here));
    if (here) this.#outcomes.push('loaded');
    return null;
  }

  /** Some calls under way count on another account of their limit, too, and are placed twice. */
  async #carry(amount: bigint): Promise<null> {
    const { accountId } = this.#cycleAccount();
    const holds = [...this.#twin.holds.values()]
      .filter(({ requestId }) => !requestId.includes('>') && this.#below(3) === 0)
      .map(({ requestId, apiKeyId }) => carriedHold({ requestId, accountId, amountNanoUsd: amount }, apiKeyId));
    for (const some of [holds, holds.slice(0, 1)]) {
      const here = carry(this.#twin, some, this.#store);
      const there = await this.#books.carry(this.#organizationId, some);
      this.#expectSame('whether holds were carried', String(there), String(here));
    }
    const there = await this.#books.balances(this.#organizationId, [accountId, 'an account that is not there']);
    const nothing = { postedNanoUsd: 0n, heldNanoUsd: 0n };
    expect([...there.keys()].every((id) => id === accountId)).toBe(true);
    expect(there.get(accountId) ?? nothing).toEqual(this.#twin.accounts.get(accountId) ?? nothing);
    if (holds.length > 0) this.#outcomes.push('carried');
    const [over] = [...this.#twin.holds.keys()].filter((id) => id.includes('>'));
    if (over !== undefined && this.#below(2) === 0) {
      const nothing = { chargeNanoUsd: 0n, tokens: null, journalNumber: 0, accountIds: [] };
      const item = { requestId: over, organizationId: this.#organizationId, journalId: 'usage-billing', ...nothing };
      settleBooked(this.#twin, item, this.#nowMs * 1_000);
      await this.#books.settleBooked(this.#organizationId, [item]);
      this.#outcomes.push('carried no more');
    }
    return null;
  }

  /** The clock goes on, or is set back, by minutes or by days. */
  async #jump(): Promise<void> {
    const byMs = [10_000, 12 * minuteMs, dayMs, 30 * dayMs][this.#below(4)]!;
    const isAhead = this.#below(3) > 0;
    this.#outcomes.push(isAhead ? 'clock ahead' : 'clock back');
    await this.#pass(isAhead ? byMs : -byMs);
  }

  async #pass(byMs: number): Promise<void> {
    this.#nowMs += byMs;
    await connection.client.set(clockKey(this.#organizationId), String(this.#nowMs * 1_000));
  }

  async #reserve(requestId: string, all: Accounts, amountNanoUsd: bigint): Promise<Readonly<Record<string, bigint>>> {
    const known = this.#twin.holds.has(requestId);
    const { accounts, either = [], grants = [] } = all;
    const item: ReserveItem = {
      requestId,
      amountNanoUsd,
      journalId,
      organizationId: this.#organizationId,
      apiKeyId: 'key-1',
      instanceId: this.#instanceId,
      tokens: 0,
      ...all,
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: 4 },
    };
    const before = takenOf(this.#twin);
    const here = reserve(this.#twin, item, this.#store, this.#nowMs * 1_000);
    this.#expectSame('the decision', decisionText(await this.#gateway.reserve(item)), decisionText(here));
    this.#outcomes.push(here.kind === 'unavailable' ? here.why : here.kind);
    if (here.kind === 'credit_exhausted') {
      this.#noteRefused(here.accountId, all);
      await this.#mark(item, here);
    }
    if (accounts.some(({ accountId, capNanoUsd }) => (before.get(accountId) ?? 0n) > capNanoUsd)) {
      if (here.kind === 'admitted' && !known && amountNanoUsd > 0n && !accounts.some(({ raise }) => raise))
        throw new Error(`${this.#where}: above a cap`);
      this.#outcomes.push('refused above a cap');
    }
    if (here.kind !== 'admitted' || known) return {};
    const chosen = either.filter(({ accountId }) => accountId === here.either);
    this.#expectReady([...accounts, ...chosen]);
    this.#expectOnGrants(item, here);
    return Object.fromEntries([
      ...[...accounts, ...chosen].map((account) => [account.accountId, this.#capNow(account, before)] as const),
      ...grants.map(({ accountId, capNanoUsd }) => [accountId, capNanoUsd] as const),
    ]);
  }

  #capNow({ accountId, capNanoUsd, raise }: CappedItem, before: ReadonlyMap<string, bigint>): bigint {
    if (raise === undefined || this.#nowMs >= raise.untilMs) return capNanoUsd;
    if (this.#twin.accounts.has(accountId) && takenOf(this.#twin).get(accountId)! > capNanoUsd)
      if ((before.get(accountId) ?? 0n) <= capNanoUsd) this.#outcomes.push('admitted by a raise');
    return raise.capNanoUsd;
  }

  #noteRefused(refusedId: string, { accounts, either = [], grants = [] }: Accounts): void {
    const refused = [...accounts, ...either].find(({ accountId }) => accountId === refusedId);
    if (refused === undefined) this.#outcomes.push('refused for want of grants');
    else if (refused.raise !== undefined && this.#nowMs >= refused.raise.untilMs)
      this.#outcomes.push('refused after a raise');
    if (grants.length === 0 && refused === undefined && refusedId !== 'grants')
      throw new Error(`${this.#where}: refused for ${refusedId}`);
  }

  /** The gateway marks what refused. */
  async #mark(item: ReserveItem, refused: AdmissionDecision & { kind: 'credit_exhausted' }): Promise<void> {
    const [before, told] = [new Map(this.#twin.refusals), this.#twin.untold.length];
    const marks = refusalMarks(item, refused, this.#nowMs);
    noteRefusals(this.#twin, marks, this.#nowMs);
    this.#gateway.refused(item, refused);
    await this.#gateway.drain();
    if (this.#twin.untold.length === told) this.#outcomes.push('refused again without a new mark');
    else if (marks.some(({ accountId }) => before.has(accountId)))
      this.#outcomes.push('marked again under other terms');
    else this.#outcomes.push('marked');
  }

  /** usage-billing reads the refusals that nobody was told of, and forgets them a while later. */
  async #tell(): Promise<Readonly<Record<string, bigint>>> {
    if (this.#read === null) {
      const text = (await connection.client.hget(`tollgate:{${this.#organizationId}}:admission:2`, 'xu')) ?? '';
      this.#read = { text, count: this.#twin.untold.length };
      return {};
    }
    const { text, count } = this.#read;
    this.#read = null;
    if (count > 0 && this.#twin.untold.length > count) this.#outcomes.push('told of all but what came since');
    forgetTold(this.#twin, count);
    await this.#books.forgetTold({ organizationId: this.#organizationId, refusals: [], read: ['', text] });
    return {};
  }

  /** Grants take the whole amount, each only before it expires, and none of what a quota covers. */
  #expectOnGrants(
    { either = [], grants, amountNanoUsd }: ReserveItem,
    { either: chosen, parts }: AdmissionDecision & { kind: 'admitted' },
  ): void {
    if (either.length > 0 && chosen === undefined) throw new Error(`${this.#where}: nothing was chosen`);
    if (chosen !== undefined) {
      this.#outcomes.push(chosen === either[0]!.accountId ? 'a quota takes it' : 'pay-as-you-go takes it');
    }
    if (grants === undefined) return this.#expectSame('the parts', String(parts), 'undefined');
    const wanted = chosen !== undefined && chosen === either[0]!.accountId ? 0n : amountNanoUsd;
    const sum = parts!.reduce((all, part) => all + part.amountNanoUsd, 0n);
    this.#expectSame('what stands on grants', String(sum), String(wanted));
    const isExpired = ({ endMs }: GrantItem): boolean => endMs !== null && this.#nowMs >= endMs;
    const expired = new Set(grants.filter(isExpired).map(({ accountId }) => accountId));
    if (parts!.some(({ accountId }) => expired.has(accountId))) throw new Error(`${this.#where}: held after expiry`);
    if (parts!.length > 0) this.#outcomes.push(parts!.length > 1 ? 'several grants take it' : 'grants take it');
    if (parts!.length > 0 && expired.size > 0) this.#outcomes.push('a grant that expired is passed over');
  }

  /** Nothing is admitted on an account of another cycle, nor on one that was never loaded for its limit. */
  #expectReady(accounts: readonly CappedItem[]): void {
    for (const { accountId, cycle, generation = 0 } of accounts) {
      if (cycle !== undefined && (this.#nowMs < cycle.startMs || this.#nowMs >= cycle.endMs))
        throw new Error(`${this.#where}: admitted in another cycle`);
      if (cycle !== undefined) this.#outcomes.push('admitted in a cycle');
      if (generation === 0 || (this.#twin.loads.get(accountId)?.generation ?? 0) >= generation) continue;
      if (cycle === undefined) throw new Error(`${this.#where}: admitted on an account that is not loaded`);
      this.#outcomes.push('admitted in a cycle after the one that was loaded');
    }
  }

  async #settle(requestId: string, chargeNanoUsd: bigint): Promise<Readonly<Record<string, bigint>>> {
    const item = { requestId, organizationId: this.#organizationId, chargeNanoUsd, tokens: null };
    if (settle(this.#twin, item, this.#nowMs * 1_000))
      this.#outcomes.push(chargeNanoUsd === 0n ? 'released' : 'settled');
    this.#gateway.settle(item);
    await this.#gateway.drain();
    return {};
  }

  /** A client leaves; in half of the cases its request is settled in the same call of the store. */
  async #leave(requestId: string, chargeNanoUsd: bigint): Promise<Readonly<Record<string, bigint>>> {
    if (this.#twin.holds.get(requestId)?.parallel === true) this.#outcomes.push('left');
    leave(this.#twin, requestId);
    this.#gateway.leave(requestId, this.#organizationId);
    if (this.#below(2) === 0) return this.#settle(requestId, chargeNanoUsd);
    await this.#gateway.drain();
    return {};
  }

  async #book(requestId: string, of: Accounts, chargeNanoUsd: bigint): Promise<null> {
    const charged = splitCharge(chargeNanoUsd, this.#parts(chargeNanoUsd));
    const item = {
      requestId,
      organizationId: this.#organizationId,
      chargeNanoUsd,
      tokens: null,
      journalId,
      journalNumber: 1 + this.#below(10),
      accountIds: of.accounts.map(({ accountId }) => accountId),
      ...(this.#below(2) === 0 ? { charged } : {}),
    };
    settleBooked(this.#twin, item, this.#nowMs * 1_000);
    await this.#books.settleBooked(this.#organizationId, [item]);
    this.#outcomes.push('booked');
    return null;
  }

  /** An amount on grants, as a gateway that restarted knows it. */
  #parts(amountNanoUsd: bigint): readonly HeldPart[] {
    const first = amountNanoUsd / 3n;
    return [
      { accountId: 'g1', amountNanoUsd: first },
      { accountId: 'g3', amountNanoUsd: amountNanoUsd - first },
    ];
  }

  async #open(waitingFor: readonly { journalId: string; instanceId: string }[]): Promise<void> {
    const { accountId } = this.#cycleAccount();
    const posted = ['a', accountId].map((id) => {
      const unheldNanoUsd = this.#unheld.get(id) ?? 0n;
      return {
        accountId: id,
        postedNanoUsd: unheldNanoUsd + BigInt(this.#below(10)),
        ...(this.#below(2) === 0 ? { unheldNanoUsd, generation: this.#below(generationsMax + 1) } : {}),
      };
    });
    const epoch = {
      organizationId: this.#organizationId,
      epochId: randomUUID(),
      posted,
      booked: [{ journalId, number: this.#below(5) }],
      waitingFor,
    };
    const here = openEpoch(this.#twin, { ...epoch, storeId: this.#store }, this.#nowMs);
    this.#expectSame('whether an epoch was opened', String(await this.#books.openEpoch(epoch)), String(here));
    if (here) this.#outcomes.push('opened');
  }

  async #close(): Promise<void> {
    closeEpoch(this.#twin);
    await this.#books.closeEpoch(this.#organizationId);
  }

  async #announce(requestId: string, amountNanoUsd: bigint): Promise<void> {
    const hold = {
      requestId,
      apiKeyId: 'key-1',
      instanceId: this.#instanceId,
      journalId,
      amountNanoUsd,
      accountIds: this.#below(3) === 0 ? [] : ['b'],
      ...(this.#below(2) === 0 ? { parts: this.#parts(amountNanoUsd) } : {}),
      parallel: true,
      tokens: 0,
    };
    const finals = [
      {
        ...hold,
        requestId: `f${this.#step}`,
        accountIds: [...accountIds],
        parallel: false,
        journalNumber: 1 + this.#below(10),
      },
    ];
    announce(this.#twin, journalId, [hold], finals);
    await this.#gateway.announce({ organizationId: this.#organizationId, journalId, holds: [hold], finals });
  }

  /** Starts another gateway process with its own lease; the holds of the previous one stay. */
  async #restartGateway(): Promise<void> {
    this.#gateway = new RedisAdmission(this.#redis, () => this.#nowMs);
    this.#instanceId = `instance-${this.#step}`;
    await this.#gateway.renewLease(`${this.#organizationId}-${this.#instanceId}`);
    this.#outcomes.push('restarted gateway');
  }

  /**
   * Switches to another store: an empty one, or one that has the data of the previous store (after a restore or a
   * failover), which is not valid any more.
   */
  async #restartStore(): Promise<void> {
    this.#store = `store-${this.#step + 1}`;
    if (this.#below(2) === 0) {
      await connection.client.del(`tollgate:{${this.#organizationId}}:admission:2`);
      this.#twin = emptyOrganization();
      this.#read = null;
      this.#outcomes.push('restarted empty');
    } else {
      this.#outcomes.push('restarted stale');
    }
  }

  async #compare(last: boolean): Promise<void> {
    const there = await this.#books.accounts(this.#organizationId);
    const ids = [...new Set([...there.keys(), ...this.#twin.accounts.keys()])].sort();
    this.#expectSame('the accounts', balancesText(ids, there), balancesText(ids, this.#twin.accounts));
    if (!last) return;
    const fields = Object.entries(await connection.client.hgetall(`tollgate:{${this.#organizationId}}:admission:2`));
    const marks = fields.filter(([name]) => name.startsWith('x'));
    this.#expectSame('the refusals', marksText(marks), marksText(marksOf(this.#twin)));
    const holds = await this.#books.openHolds(this.#organizationId);
    this.#expectSame('the open holds', holdsText(holds), holdsText([...this.#twin.holds.values()]));
  }

  /** Invariant I1: only an admitted request increases what is posted and held, and never beyond the cap. */
  #expectWithin(before: ReadonlyMap<string, bigint>, mayGrowTo: Readonly<Record<string, bigint>>): void {
    for (const [accountId, taken] of takenOf(this.#twin)) {
      if (taken <= (before.get(accountId) ?? 0n) || taken <= (mayGrowTo[accountId] ?? -1n)) continue;
      throw new Error(
        `${this.#where}: ${taken} is taken of account ${accountId}, ${before.get(accountId) ?? 0n} before, with a cap of ${mayGrowTo[accountId]}`,
      );
    }
  }

  #expectSame(what: string, there: string, here: string): void {
    if (there !== here) expect(there, `${this.#where}: ${what}`).toBe(here);
  }

  get #where(): string {
    return `seed ${this.seed}, life ${this.number}, step ${this.#step}`;
  }
}

type Balances = ReadonlyMap<string, { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint }>;

function takenOf({ accounts }: OrganizationState): ReadonlyMap<string, bigint> {
  return new Map(
    [...accounts].map(([accountId, { postedNanoUsd, heldNanoUsd }]) => [accountId, postedNanoUsd + heldNanoUsd]),
  );
}

/** An account that one side does not know counts as 0 posted and 0 held. */
function balancesText(ids: readonly string[], balances: Balances): string {
  return ids
    .map((accountId) => {
      const { postedNanoUsd = 0n, heldNanoUsd = 0n } = balances.get(accountId) ?? {};
      return `${accountId}: ${postedNanoUsd} posted, ${heldNanoUsd} held`;
    })
    .join('; ');
}

/** The fields of refusals, as the scripts write them. */
function marksOf({ refusals, untold }: OrganizationState): [string, string][] {
  const text = untold.map(
    ({ accountId, terms, askedNanoUsd, leftNanoUsd, refusedAtMs }) =>
      `,x:${accountId}|${terms}|${askedNanoUsd}|${leftNanoUsd ?? ''}|${refusedAtMs}`,
  );
  return [
    ...[...refusals].map(([accountId, terms]): [string, string] => [`x:${accountId}`, terms]),
    ...(text.length === 0 ? [] : [['xu', text.join('')] as [string, string]]),
  ];
}

const marksText = (fields: readonly [string, string][]): string =>
  fields
    .map(([name, text]) => `${name} = ${text}`)
    .sort()
    .join('; ');

function holdsText(
  holds: readonly {
    readonly requestId: string;
    readonly instanceId: string;
    readonly amountNanoUsd: bigint;
    readonly accountIds: readonly string[];
    readonly parts?: readonly HeldPart[];
    readonly parallel: boolean;
  }[],
): string {
  return holds
    .map(
      ({ requestId, instanceId, amountNanoUsd, accountIds: of, parts, parallel }) =>
        `${requestId} of ${instanceId}: ${amountNanoUsd} on ${of.join(' and ')}${partsText(parts)}${parallel ? ', parallel' : ''}`,
    )
    .sort()
    .join('; ');
}

function partsText(parts: readonly HeldPart[] = []): string {
  return parts.map(({ accountId, amountNanoUsd }) => `, ${amountNanoUsd} of ${accountId}`).join('');
}

function decisionText(decision: AdmissionDecision): string {
  switch (decision.kind) {
    case 'admitted':
      return `admitted on ${decision.either} and ${decision.parts === undefined ? 'no grants' : `grants${partsText(decision.parts)}`}`;
    case 'rate_limited':
      return `rate limited by ${decision.limit}`;
    case 'credit_exhausted':
      return `${decision.availableNanoUsd} left of ${decision.accountId}`;
    case 'unavailable':
      if (decision.why === 'other_cycle') return `another cycle at ${decision.nowMs}`;
      return decision.why === 'not_loaded' ? `${decision.accountId} is not loaded` : decision.why;
  }
}

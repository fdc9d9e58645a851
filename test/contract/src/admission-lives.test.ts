import { randomInt, randomUUID } from 'node:crypto';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import {
  announce,
  closeEpoch,
  emptyOrganization,
  leave,
  openEpoch,
  reserve,
  settle,
  settleBooked,
  type AdmissionDecision,
  type OrganizationState,
  type ReserveItem,
} from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBelow } from './random-below.js';

const lives = 10_000;
const stepsMax = 20;
/** Lives that run at the same time, so that their commands share round trips. */
const livesAtOnce = 500;
const journalId = 'journal-1';
const accountIds = ['a', 'b'] as const;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'lives', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 5_000);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

describe('the script and its pure twin', () => {
  it(`agree after every step of ${lives} random lives with restarts and changed caps, and never admit past a cap`, async () => {
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
    // Lives in which nothing happens would agree as well, so each outcome must be frequent.
    for (const outcome of [
      'admitted',
      'credit_exhausted',
      'no_epoch',
      'announcing',
      'rate_limited',
      'settled',
      'released',
      'left',
      'booked',
      'opened',
      'restarted empty',
      'restarted stale',
      'restarted gateway',
    ]) {
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(lives / 50);
    }
  });
});

/** One random life of an organisation, computed both by the pure functions ("here") and by the scripts ("there"). */
class Life {
  /** The id of the current store; a restarted Redis has another one. */
  #store = 'store-0';
  #twin: OrganizationState = emptyOrganization();
  #gateway!: RedisAdmission;
  #instanceId = '';
  #caps: Record<string, bigint> = { a: 30n, b: 30n };
  readonly #organizationId: string;
  readonly #redis: RedisConnection;
  readonly #books: RedisAdmissionBooks;
  readonly #outcomes: string[] = [];
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
    const accounts = this.#below(2) === 0 ? ['a'] : ['a', 'b'];
    const amount = BigInt(this.#below(14));
    switch (this.#below(13)) {
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
      case 8:
        this.#caps[this.#below(2) === 0 ? 'a' : 'b'] = BigInt(5 + this.#below(40));
        return this.#reserve(requestId, accounts, amount);
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

  async #reserve(
    requestId: string,
    of: readonly string[],
    amountNanoUsd: bigint,
  ): Promise<Readonly<Record<string, bigint>>> {
    const known = this.#twin.holds.has(requestId);
    const item: ReserveItem = {
      requestId,
      amountNanoUsd,
      journalId,
      organizationId: this.#organizationId,
      apiKeyId: 'key-1',
      instanceId: this.#instanceId,
      tokens: 0,
      accounts: of.map((accountId) => ({ accountId, capNanoUsd: this.#caps[accountId]! })),
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: 4 },
    };
    const here = reserve(this.#twin, item, this.#store, Date.now() * 1_000);
    this.#expectSame('the decision', decisionText(await this.#gateway.reserve(item)), decisionText(here));
    this.#outcomes.push(here.kind === 'unavailable' ? here.why : here.kind);
    return here.kind === 'admitted' && !known
      ? Object.fromEntries(item.accounts.map(({ accountId, capNanoUsd }) => [accountId, capNanoUsd]))
      : {};
  }

  async #settle(requestId: string, chargeNanoUsd: bigint): Promise<Readonly<Record<string, bigint>>> {
    const item = { requestId, organizationId: this.#organizationId, chargeNanoUsd, tokens: null };
    if (settle(this.#twin, item, Date.now() * 1_000))
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

  async #book(requestId: string, of: readonly string[], chargeNanoUsd: bigint): Promise<null> {
    const item = {
      requestId,
      organizationId: this.#organizationId,
      chargeNanoUsd,
      tokens: null,
      journalId,
      journalNumber: 1 + this.#below(10),
      accountIds: of,
    };
    settleBooked(this.#twin, item, Date.now() * 1_000);
    await this.#books.settleBooked(this.#organizationId, [item]);
    this.#outcomes.push('booked');
    return null;
  }

  async #open(waitingFor: readonly { journalId: string; instanceId: string }[]): Promise<void> {
    const posted = [{ accountId: 'a', postedNanoUsd: BigInt(this.#below(10)) }];
    const epoch = {
      organizationId: this.#organizationId,
      epochId: randomUUID(),
      posted,
      booked: [{ journalId, number: this.#below(5) }],
      waitingFor,
    };
    const here = openEpoch(this.#twin, { ...epoch, storeId: this.#store }, Date.now());
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
      accountIds: ['b'],
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
    this.#gateway = new RedisAdmission(this.#redis);
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
      this.#outcomes.push('restarted empty');
    } else {
      this.#outcomes.push('restarted stale');
    }
  }

  async #compare(last: boolean): Promise<void> {
    const there = await this.#books.accounts(this.#organizationId);
    this.#expectSame('the accounts', balancesText(there), balancesText(this.#twin.accounts));
    if (!last) return;
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
function balancesText(balances: Balances): string {
  return accountIds
    .map((accountId) => {
      const { postedNanoUsd = 0n, heldNanoUsd = 0n } = balances.get(accountId) ?? {};
      return `${accountId}: ${postedNanoUsd} posted, ${heldNanoUsd} held`;
    })
    .join('; ');
}

function holdsText(
  holds: readonly {
    readonly requestId: string;
    readonly instanceId: string;
    readonly amountNanoUsd: bigint;
    readonly accountIds: readonly string[];
    readonly parallel: boolean;
  }[],
): string {
  return holds
    .map(
      ({ requestId, instanceId, amountNanoUsd, accountIds: of, parallel }) =>
        `${requestId} of ${instanceId}: ${amountNanoUsd} on ${of.join(' and ')}${parallel ? ', parallel' : ''}`,
    )
    .sort()
    .join('; ');
}

function decisionText(decision: AdmissionDecision): string {
  switch (decision.kind) {
    case 'admitted':
      return 'admitted';
    case 'rate_limited':
      return `rate limited by ${decision.limit}`;
    case 'credit_exhausted':
      return `${decision.availableNanoUsd} left of ${decision.accountId}`;
    case 'unavailable':
      return decision.why;
  }
}

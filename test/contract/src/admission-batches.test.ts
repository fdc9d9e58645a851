import { randomInt, randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import {
  announce,
  answersName,
  closeEpoch,
  emptyOrganization,
  loadAccounts,
  openEpoch,
  reserve,
  settle,
  settleBooked,
  type AdmissionDecision,
  type HeldPart,
  type KeyAnswers,
  type OpenHold,
  type OrganizationState,
  type ReserveItem,
  type SettleItem,
} from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clockKey, readClockOfTest } from './clock-of-test.js';
import { randomBelow } from './random-below.js';

const lives = 300;
const livesAtOnce = 50;
const batchesMax = 8;
/** More items than one call of the script takes. */
const itemsMax = 150;
const dayMs = 86_400_000;
/** Unusual ids: they contain every character that some format uses as a separator or a quote. */
const oddities = [
  '',
  '|',
  ',',
  '%',
  '%7C',
  'a|b,c',
  '"',
  '\\',
  '\\ud800',
  '[1]',
  '}{',
  "'",
  '\n',
  '\0',
  'ü',
  '🙂',
  ' ',
  '0',
];
const journalId = 'journal|1';
const instanceId = 'instance,1';
/** All rates have an emission interval of 10 s. A life is shorter, so both sides decide alike though clocks differ. */
const limits = [
  { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  { requestsPerMinute: 6, tokensPerMinute: null, parallelRequests: null },
  { requestsPerMinute: null, tokensPerMinute: 6, parallelRequests: null },
  { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: 5 },
  { requestsPerMinute: 6, tokensPerMinute: 6, parallelRequests: 9 },
];

let server: RedisServer;
let connection: RedisConnection;
/** Its scripts go by the clock of a life, so that both sides decide at the same time. */
let clocked: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'batches', commandTimeoutMs: 10_000 });
  clocked = connectRedis({ url: server.url, name: 'batches-clocked', commandTimeoutMs: 60_000 });
  await Promise.all([storeKnown(connection, 30_000), storeKnown(clocked, 30_000)]);
  readClockOfTest(clocked.client);
});
afterAll(async () => {
  await Promise.all([connection?.close(), clocked?.close()]);
  await server?.stop();
});

describe('many items in one call', () => {
  it(`are decided as the pure functions decide them one by one, in ${lives} random lives with odd ids`, async () => {
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
    for (const outcome of [
      'admitted',
      'credit_exhausted',
      'announcing',
      'other_cycle',
      'not_loaded',
      'loaded',
      'limited by requests',
      'limited by tokens',
      'limited by parallel',
      'settled',
      'booked',
      'posted',
      'announced',
      'settles only',
      'without a ceiling',
      'chosen of two',
      'on grants',
    ]) {
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(lives / 50);
    }
  });

  it('are at most 128 in a call, and leave the call to the others where one has an id that is no text', async () => {
    const gateway = new RedisAdmission(connection);
    await gateway.renewLease(instanceId);
    const calls: number[] = [];
    gateway.onBatch((items) => calls.push(items));
    const decisions = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        gateway.reserve({
          requestId: i === 7 ? 'half of a pair: \ud83d' : `r${i}`,
          organizationId: 'halves',
          apiKeyId: i === 9 ? '\udf42' : 'key',
          instanceId,
          journalId,
          amountNanoUsd: 0n,
          accounts: [],
          rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: 1_000 },
          tokens: 0,
        }),
      ),
    );
    expect(decisions.every(({ kind }) => kind === 'admitted')).toBe(true);
    expect(calls).toEqual([128, 128, 44]);
    const holds = await new RedisAdmissionBooks(connection).openHolds('halves');
    expect(holds).toHaveLength(300);
    expect(holds.find(({ requestId }) => requestId.startsWith('half'))?.requestId).toBe('half of a pair: \ufffd');
    await connection.client.del('tollgate:{halves}:admission:2');
  });

  it('are gathered while a call is under way, five milliseconds at most', async () => {
    const organizationId = randomUUID();
    const gateway = new RedisAdmission(connection);
    await gateway.renewLease(instanceId);
    const calls: number[] = [];
    gateway.onBatch((items) => calls.push(items));
    const asked = (requestId: string): Promise<AdmissionDecision> =>
      gateway.reserve({
        requestId,
        organizationId,
        apiKeyId: 'k',
        instanceId,
        journalId,
        amountNanoUsd: 0n,
        accounts: [],
        rateLimits: limits[0]!,
        tokens: 0,
      });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      // Redis is paused, so that the first call stays in flight.
      await connection.client.client('PAUSE', 2_000);
      const first = asked('r1');
      await turn();
      const others = [asked('r2'), (await turn(), asked('r3'))];
      gateway.settle({ requestId: 'r0', organizationId, chargeNanoUsd: 0n, tokens: 0 });
      await turn();
      expect(calls).toEqual([1]);
      expect(await Promise.all([first, ...others])).toMatchObject([
        { kind: 'admitted' },
        { kind: 'admitted' },
        { kind: 'admitted' },
      ]);
      expect(calls).toEqual([1, 3]);

      await connection.client.client('PAUSE', 2_000);
      const last = [asked('r4'), (await turn(), asked('r5'))];
      await vi.advanceTimersByTimeAsync(4);
      expect(calls).toEqual([1, 3, 1]);
      await vi.advanceTimersByTimeAsync(1);
      expect(calls).toEqual([1, 3, 1, 1]);
      await Promise.all(last);
    } finally {
      vi.useRealTimers();
    }
  });

  it('find their script again after Redis has forgotten it', async () => {
    const organizationId = randomUUID();
    const gateway = new RedisAdmission(connection);
    const books = new RedisAdmissionBooks(connection);
    await gateway.renewLease(instanceId);
    const opening = { organizationId, epochId: 'e', posted: [], booked: [], waitingFor: [] };
    const item: ReserveItem = {
      requestId: 'r',
      organizationId,
      apiKeyId: 'k',
      instanceId,
      journalId,
      amountNanoUsd: 1n,
      accounts: [{ accountId: 'a', capNanoUsd: 1n }],
      rateLimits: limits[0]!,
      tokens: 0,
    };
    for (const round of [1, 2]) {
      await connection.client.script('FLUSH');
      await books.openEpoch(opening);
      await connection.client.script('FLUSH');
      expect(await Promise.all([gateway.reserve(item), gateway.reserve(item)]), `round ${round}`).toMatchObject([
        { kind: 'admitted' },
        { kind: 'admitted' },
      ]);
    }
    expect(await books.accounts(organizationId)).toEqual(new Map([['a', { postedNanoUsd: 0n, heldNanoUsd: 1n }]]));
  });

  it('may use more keys, accounts and holds than Lua unpacks at a time', async () => {
    const organizationId = randomUUID();
    const gateway = new RedisAdmission(connection);
    const books = new RedisAdmissionBooks(connection);
    await gateway.renewLease(instanceId);
    const epoch = { organizationId, epochId: 'e', posted: [], booked: [], waitingFor: [] };
    await books.openEpoch(epoch);
    const accounts = Array.from({ length: 70 }, (_, i) => ({ accountId: `a${i}`, capNanoUsd: 1_000n }));
    const own = (i: number) =>
      accounts.map(({ accountId, capNanoUsd }) => ({ accountId: `${accountId} of ${i}`, capNanoUsd }));
    const decisions = await Promise.all(
      Array.from({ length: 128 }, (_, i) =>
        gateway.reserve({
          requestId: `r${i}`,
          organizationId,
          apiKeyId: `k${i}`,
          instanceId,
          journalId,
          amountNanoUsd: 10n,
          accounts: own(i),
          rateLimits: limits[4]!,
          tokens: 1,
        }),
      ),
    );
    expect(decisions.every(({ kind }) => kind === 'admitted')).toBe(true);
    const keys = 4_100;
    await Promise.all(
      Array.from({ length: keys }, (_, i) =>
        gateway.reserve({
          requestId: `u${i}`,
          organizationId,
          apiKeyId: `k${i}`,
          instanceId,
          journalId,
          amountNanoUsd: 0n,
          accounts: [],
          rateLimits: limits[3]!,
          tokens: 0,
        }),
      ),
    );
    expect(await books.openHolds(organizationId)).toHaveLength(128 + keys);
    const taken = [...(await books.accounts(organizationId)).values()];
    expect(taken).toHaveLength(128 * 70);
    expect(taken.every(({ heldNanoUsd }) => heldNanoUsd === 10n)).toBe(true);

    await books.closeEpoch(organizationId);
    await books.openEpoch({ ...epoch, waitingFor: [{ journalId, instanceId }] });
    expect(await books.openHolds(organizationId)).toEqual([]);
    const holds = Array.from({ length: keys }, (_, i): OpenHold => ({
      requestId: `u${i}`,
      apiKeyId: `k${i}`,
      instanceId,
      journalId,
      amountNanoUsd: 2n,
      accountIds: ['a', `a${i}`],
      parallel: true,
      tokens: 0,
    }));
    await gateway.announce({ organizationId, journalId, holds, finals: [] });
    expect((await books.accounts(organizationId)).get('a')).toEqual({
      postedNanoUsd: 0n,
      heldNanoUsd: 2n * BigInt(keys),
    });
    await books.settleBooked(
      organizationId,
      holds.map(({ requestId, accountIds }) => ({
        requestId,
        organizationId,
        chargeNanoUsd: 1n,
        tokens: null,
        journalId,
        journalNumber: 1,
        accountIds,
      })),
    );
    expect((await books.accounts(organizationId)).get('a')).toEqual({ postedNanoUsd: BigInt(keys), heldNanoUsd: 0n });
    await connection.client.del(`tollgate:{${organizationId}}:admission:2`);
  });
});

/**
 * One random life of an organisation, computed both by the pure functions ("here") and by the scripts ("there"). Many
 * items arrive in the same turn of the event loop.
 */
class Life {
  readonly #twin: OrganizationState = emptyOrganization();
  readonly #nowMs = Date.now();
  readonly #gateway = new RedisAdmission(clocked, () => this.#nowMs);
  readonly #books = new RedisAdmissionBooks(clocked);
  readonly #store = clocked.storeId()!;
  readonly #organizationId: string;
  readonly #outcomes: string[] = [];
  readonly #accountIds: readonly string[];
  readonly #keys: Pick<ReserveItem, 'apiKeyId' | 'accounts' | 'either' | 'grants' | 'rateLimits'>[];
  readonly #requestIds: readonly string[];
  readonly #below: (bound: number) => number;
  #batch = 0;

  constructor(
    private readonly seed: number,
    private readonly number: number,
  ) {
    this.#below = randomBelow(seed, number);
    this.#organizationId = `batches-${seed}-${number}`;
    this.#accountIds = Array.from({ length: 4 }, (_, i) => `${i}${this.#oddity()}`);
    this.#keys = limits.map((rateLimits, i) => ({
      apiKeyId: `${this.#oddity()}${i}`,
      rateLimits,
      accounts: this.#accounts(),
      ...this.#further(),
    }));
    this.#requestIds = Array.from({ length: 1 + this.#below(60) }, (_, i) => `${this.#oddity()}${i}`);
  }

  async live(): Promise<readonly string[]> {
    await clocked.client.set(clockKey(this.#organizationId), String(this.#nowMs * 1_000));
    await this.#gateway.renewLease(`${this.#organizationId} ${instanceId}`);
    await this.#open(false);
    const batches = 1 + this.#below(batchesMax);
    for (this.#batch = 0; this.#batch < batches; this.#batch++) {
      const step = this.#below(8);
      if (step === 0) await this.#reopen();
      else if (step === 1) await this.#book();
      else if (step === 2) await this.#load();
      else await this.#turn();
      this.#expectSame(
        'the accounts',
        balancesText(await this.#books.accounts(this.#organizationId)),
        balancesText(this.#twin.accounts),
      );
      this.#expectSame('the remembered answers', await this.#answersThere(), answersText(this.#twin));
      this.#expectSame(
        'the open holds',
        holdsText(await this.#books.openHolds(this.#organizationId)),
        holdsText([...this.#twin.holds.values()]),
      );
    }
    await clocked.client.del(`tollgate:{${this.#organizationId}}:admission:2`, clockKey(this.#organizationId));
    return this.#outcomes;
  }

  /** Sends the settles and reserves of one event-loop turn; settles go first. */
  async #turn(): Promise<void> {
    const settles = this.#several(() => this.#settleItem());
    const reserves = this.#below(4) === 0 ? [] : this.#several(() => this.#reserveItem());
    const there = reserves.map((item) => this.#gateway.reserve(item));
    for (const item of settles) this.#gateway.settle(item);
    await this.#gateway.drain();

    if (settles.length > 0 && reserves.length === 0) this.#outcomes.push('settles only');
    for (const item of settles) if (settle(this.#twin, item, this.#nowMs * 1_000)) this.#outcomes.push('settled');
    for (const [i, item] of reserves.entries()) {
      const here = reserve(this.#twin, item, this.#store, this.#nowMs * 1_000);
      const open = item.openEnded && item.rateLimits.tokensPerMinute !== null;
      if (here.kind === 'admitted' && here.either === item.either?.[1]?.accountId && item.either)
        this.#outcomes.push('chosen of two');
      if (here.kind === 'admitted' && (here.parts?.length ?? 0) > 1) this.#outcomes.push('on grants');
      if (here.kind === 'admitted' && open) this.#outcomes.push('without a ceiling');
      this.#outcomes.push(
        here.kind === 'unavailable' ? here.why : here.kind === 'rate_limited' ? `limited by ${here.limit}` : here.kind,
      );
      expectSameDecision(await there[i]!, here, `${this.#where}: reserve ${i}`);
    }
  }

  async #book(): Promise<void> {
    const items = this.#several((number) => ({
      ...this.#settleItem(),
      answerTokens: null,
      journalId: this.#below(2) === 0 ? journalId : 'another',
      journalNumber: number,
      accountIds: this.#keys[this.#below(this.#keys.length)]!.accounts.map(({ accountId }) => accountId),
      ...(this.#below(2) === 0 ? { charged: this.#parts(BigInt(this.#below(14))) } : {}),
    }));
    await this.#books.settleBooked(this.#organizationId, items);
    for (const item of items) {
      if (this.#twin.holds.has(item.requestId)) this.#outcomes.push('booked');
      else if (this.#twin.waiting.has(item.journalId)) this.#outcomes.push('posted');
      settleBooked(this.#twin, item, this.#nowMs * 1_000);
    }
  }

  async #reopen(): Promise<void> {
    closeEpoch(this.#twin);
    await this.#books.closeEpoch(this.#organizationId);
    await this.#open(true);
    await this.#turn();
    await this.#book();
    if (this.#below(4) === 0) return;
    const hold = (item: ReserveItem): OpenHold => ({
      ...item,
      accountIds: item.accounts.map(({ accountId }) => accountId),
      parallel: item.rateLimits.parallelRequests !== null,
      ...(this.#below(2) === 0 ? { parts: this.#parts(item.amountNanoUsd) } : {}),
      ...(item.openEnded && this.#below(2) === 0 ? { answersOf: item.openEnded.answersOf } : {}),
    });
    const [holds, finals] = [
      this.#several(() => hold(this.#reserveItem())),
      this.#several((number) => ({ ...hold(this.#reserveItem()), journalNumber: number })),
    ];
    await this.#gateway.announce({ organizationId: this.#organizationId, journalId, holds, finals });
    announce(this.#twin, journalId, holds, finals);
    this.#outcomes.push('announced');
  }

  async #open(waiting: boolean): Promise<void> {
    const posted = this.#keys[0]!.accounts.map(({ accountId }) => ({
      accountId,
      postedNanoUsd: BigInt(this.#below(10)),
    }));
    const epoch = {
      organizationId: this.#organizationId,
      epochId: 'e',
      posted,
      booked: [{ journalId, number: this.#below(20) }],
      waitingFor: waiting ? [{ journalId, instanceId }] : [],
    };
    await this.#books.openEpoch(epoch);
    openEpoch(this.#twin, { ...epoch, storeId: this.#store }, this.#nowMs);
  }

  /**
   * A random reservation. Sometimes its key has changed since earlier calls: it has other accounts, caps or limits.
   */
  #reserveItem(): ReserveItem {
    const at = this.#below(this.#keys.length);
    if (this.#below(30) === 0) this.#keys[at] = { ...this.#keys[at]!, accounts: this.#accounts(), ...this.#further() };
    if (this.#below(30) === 0) this.#keys[at] = { ...this.#keys[at]!, rateLimits: limits[this.#below(limits.length)]! };
    return {
      ...this.#keys[at]!,
      requestId: this.#requestId(),
      organizationId: this.#organizationId,
      instanceId,
      journalId,
      amountNanoUsd: BigInt(this.#below(14)),
      tokens: this.#below(4),
      openEnded: this.#openEnded(),
    };
  }

  #settleItem(): SettleItem {
    return {
      requestId: this.#requestId(),
      organizationId: this.#organizationId,
      chargeNanoUsd: BigInt(this.#below(14)),
      tokens: this.#below(3) === 0 ? null : this.#below(3),
      answerTokens: this.#below(4) === 0 ? null : this.#below(4),
    };
  }

  /** Chooses one of many models, so that the answers of some are forgotten. */
  #openEnded(): ReserveItem['openEnded'] {
    if (this.#below(2) === 0) return null;
    return { inputTokens: this.#below(2), answersOf: answersName(`m${this.#oddity()}`, 1 + this.#below(3)) };
  }

  async #answersThere(): Promise<string> {
    const fields = await clocked.client.hgetall(`tollgate:{${this.#organizationId}}:admission:2`);
    return Object.entries(fields)
      .flatMap(([name, text]) => (name.startsWith('t:') ? [text] : []))
      .sort()
      .join('\n');
  }

  #several<T>(make: (number: number) => T): readonly T[] {
    return Array.from({ length: this.#below(3) === 0 ? this.#below(itemsMax) : this.#below(12) }, (_, i) =>
      make(i + 1),
    );
  }

  #accounts(): ReserveItem['accounts'] {
    return this.#accountIds.slice(0, this.#below(5)).map((accountId) => ({
      accountId,
      capNanoUsd: BigInt(this.#below(150)),
      ...(this.#below(3) === 0 ? { generation: this.#below(4) } : {}),
      ...(this.#below(6) === 0 ? { cycle: this.#cycle() } : {}),
      ...(this.#below(6) === 0 ? { raise: this.#raise() } : {}),
    }));
  }

  /** A raise that ended long ago, or will end long after this life. */
  #raise(): { capNanoUsd: bigint; untilMs: number } {
    return { capNanoUsd: BigInt(this.#below(300)), untilMs: this.#nowMs + (this.#below(2) === 0 ? 9 : -9) * dayMs };
  }

  /** Accounts of which one takes the whole amount, and grants, or neither. */
  #further(): Pick<ReserveItem, 'either' | 'grants'> {
    const capped = (kind: string) => ({
      accountId: `${kind}${this.#oddity()}${this.#below(3)}`,
      capNanoUsd: BigInt(this.#below(60)),
    });
    const either = Array.from({ length: 1 + this.#below(2) }, (_, i) => capped(`either ${i} `));
    const grants = Array.from({ length: this.#below(5) }, (_, i) => ({
      ...capped(`grant ${i} `),
      endMs: [null, this.#nowMs - 9 * dayMs, this.#nowMs + 9 * dayMs][this.#below(3)]!,
    }));
    return { ...(this.#below(3) === 0 ? { either } : {}), ...(this.#below(3) === 0 ? { grants } : {}) };
  }

  /** An amount on two grants. */
  #parts(amountNanoUsd: bigint): readonly HeldPart[] {
    const first = BigInt(this.#below(Number(amountNanoUsd) + 1));
    const [one, other] = [`grant 0 ${this.#oddity()}0`, `grant 1 ${this.#oddity()}1`];
    return [
      { accountId: one, amountNanoUsd: first },
      { accountId: other, amountNanoUsd: amountNanoUsd - first },
    ];
  }

  /** A cycle that began long ago or will begin long after this life, so that both sides agree though clocks differ. */
  #cycle(): { startMs: number; endMs: number } {
    const startMs = Math.floor(this.#nowMs / dayMs) * dayMs + (this.#below(4) === 0 ? 9 : -9) * dayMs;
    return { startMs, endMs: startMs + 90 * dayMs };
  }

  /** The ledger tells of many accounts in one call. */
  async #load(): Promise<void> {
    const items = this.#several(() => ({
      accountId: this.#accountIds[this.#below(this.#accountIds.length)]!,
      unheldNanoUsd: BigInt(this.#below(20)),
      generation: this.#below(4),
    }));
    const taken = await this.#books.loadAccounts(this.#organizationId, items);
    const here = loadAccounts(this.#twin, items, this.#store, this.#nowMs);
    this.#expectSame('whether accounts were loaded', String(taken), String(here));
    if (here) this.#outcomes.push('loaded');
  }

  #requestId(): string {
    return this.#requestIds[this.#below(this.#requestIds.length)]!;
  }

  #oddity(): string {
    return oddities[this.#below(oddities.length)]!;
  }

  #expectSame(what: string, there: string, here: string): void {
    if (there !== here) expect(there, `${this.#where}: ${what}`).toBe(here);
  }

  get #where(): string {
    return `seed ${this.seed}, life ${this.number}, batch ${this.#batch}`;
  }
}

function expectSameDecision(there: AdmissionDecision, here: AdmissionDecision, where: string): void {
  const [text, hereText] = [there, here].map((decision) =>
    JSON.stringify(decision, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  );
  if (text !== hereText) expect(text, where).toBe(hereText);
}

type Balances = ReadonlyMap<string, { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint }>;

/** Leaves out accounts with nothing posted or held, since only one side may know them. */
function balancesText(balances: Balances): string {
  return [...balances]
    .filter(([, { postedNanoUsd, heldNanoUsd }]) => postedNanoUsd !== 0n || heldNanoUsd !== 0n)
    .map(([accountId, { postedNanoUsd, heldNanoUsd }]) => `${accountId}: ${postedNanoUsd} posted, ${heldNanoUsd} held`)
    .sort()
    .join('; ');
}

/** The answers in the form of Redis: the model that answered last comes first. */
function answersText({ rates }: OrganizationState): string {
  const textOf = (answers: KeyAnswers): string =>
    [...answers]
      .reverse()
      .map(([name, kept]) => `;${name}=${kept.map((each) => `${each.tokens}:${each.staysFor}`).join()}`)
      .join('');
  return [...rates.values()]
    .flatMap(({ answers }) => (answers === null ? [] : [textOf(answers)]))
    .sort()
    .join('\n');
}

function holdsText(holds: readonly OpenHold[]): string {
  return holds
    .map((hold) =>
      JSON.stringify([
        hold.requestId,
        hold.apiKeyId,
        hold.instanceId,
        hold.journalId,
        hold.amountNanoUsd.toString(),
        hold.accountIds,
        hold.parts?.map(({ accountId, amountNanoUsd }) => [accountId, amountNanoUsd.toString()]),
        hold.parallel,
        hold.tokens,
        hold.answersOf,
      ]),
    )
    .sort()
    .join('\n');
}

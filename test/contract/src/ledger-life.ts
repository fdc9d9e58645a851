import { randomUUID } from 'node:crypto';
import { MemoryAdmission, type AdmissionBooks, type BookedSettle, type EpochOpening } from '@tollgate/admission';
import {
  budgetAccountId,
  cycleAccountId,
  cycleOf,
  cycleOfAccount,
  grantAccountId,
  paygAccountId,
  subscriptionAccountId,
  type CreditReset,
} from '@tollgate/api-key';
import type { LoadAccountRequest, UsageRecordedV2 } from '@tollgate/contracts';
import { splitCharge, type CappedItem, type GrantItem, type LoadItem, type OpenHold } from '@tollgate/credit';
import type { ServiceDatabase } from '@tollgate/postgres';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  CarriedHolds,
  CompareBalances,
  compareAllUsage,
  EndGrants,
  GatewayInstances,
  GrantStore,
  LoadAccount,
  OpenEpoch,
  ReleaseCarriedHolds,
  OrganizationTerms,
  ResolveOrphans,
  SettleHolds,
  UsageCheckStore,
  type BillingRelay,
} from '@tollgate/usage-billing';
import { expect } from 'vitest';
import { ScreeningAt, secondVersion, usageBatch, usageEvent } from './billing-fixture.js';
import type { StagedAdmission, StageTime } from './credit-stage.js';
import { randomBelow } from './random-below.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
const bus = { drained: () => Promise.resolve() };
/** Nobody is told of changes of terms in a life: its gateways know them at once. */
const relay = {
  publishes: () => {},
  wake: () => {},
  outbox: { add: () => Promise.resolve() },
} as unknown as BillingRelay;
/** Grants are written off this long after their end (`EndGrants`). */
const LAPSE_MARGIN_MS = 10_000;
const NO_LIMITS = { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null };
const DAY_MS = 86_400_000;
const RESETS: readonly CreditReset[] = ['never', 'daily', 'weekly', 'monthly'];
/** Journals of all lives: the database has them in common, and a load waits for each. */
const journals = new Set<string>();

/** The midnight that is closest: cycles of before it have not ended for a day, and times after it are not absurd. */
export const closestMidnight = (nowMs: number): number => Math.round(nowMs / DAY_MS) * DAY_MS;

interface Limit {
  readonly capNanoUsd: bigint;
  readonly reset: CreditReset;
  readonly generation: number;
  readonly raise?: { readonly capNanoUsd: bigint; readonly untilMs: number };
}

/** A call under way. */
interface Call {
  readonly event: UsageRecordedV2;
  /** What admission holds for it; null for a call without a limit. */
  readonly hold: OpenHold | null;
}

interface Gateway {
  instanceId: string;
  readonly journalId: string;
  number: number;
  readonly underWay: Map<string, Call>;
  /** What its journal has and the bus has not, in order. */
  journal: Call[];
}

/** Admission, and beside it the pure functions: each call goes to both, and must be answered the same. */
class TwinnedBooks implements AdmissionBooks {
  constructor(
    private readonly real: AdmissionBooks,
    private readonly twin: AdmissionBooks,
  ) {}

  private async both<T>(ask: (books: AdmissionBooks) => Promise<T>): Promise<T> {
    const [there, here] = [await ask(this.real), await ask(this.twin)];
    expect(there).toEqual(here);
    return there;
  }

  openEpoch = (epoch: EpochOpening) => this.both((books) => books.openEpoch(epoch));
  loadAccounts = (id: string, items: readonly LoadItem[]) => this.both((books) => books.loadAccounts(id, items));
  carry = (id: string, holds: readonly OpenHold[]) => this.both((books) => books.carry(id, holds));
  balances = async (id: string, accountIds: readonly string[]) => {
    const [there, here] = [await this.real.balances(id, accountIds), await this.twin.balances(id, accountIds)];
    expect(inOrder(there)).toEqual(inOrder(here));
    return there;
  };
  shippedJournals = () => Promise.resolve(journals);
  dropEndedCycles = (id: string) => this.both((books) => books.dropEndedCycles(id));
  hasEpoch = (id: string) => this.both((books) => books.hasEpoch(id));
  closeEpoch = (id: string) => this.both((books) => books.closeEpoch(id));
  settleBooked = (id: string, items: readonly BookedSettle[]) => this.both((books) => books.settleBooked(id, items));
  stopWaiting = (id: string, journalId: string) => this.both((books) => books.stopWaiting(id, journalId));
  organizations = () => this.real.organizations();
  openHolds = async (id: string) => {
    const ofOne = (holds: readonly OpenHold[]) => holds.map(({ requestId }) => requestId).sort();
    const [there, here] = [await this.real.openHolds(id), await this.twin.openHolds(id)];
    expect(ofOne(there)).toEqual(ofOne(here));
    return there;
  };
  untoldRefusals = () => Promise.resolve([]);
  forgetTold = () => Promise.resolve();
  leases = () => Promise.resolve(new Map<string, string>());
  accounts = async (id: string) => {
    const [there, here] = [await this.real.accounts(id), await this.twin.accounts(id)];
    expect(inOrder(there)).toEqual(inOrder(here));
    return there;
  };
}

/**
 * One random life of an organisation: its keys are used at two gateways while limits, budgets, grants and the
 * subscription change, cycles end, gateways die and come back, and admission forgets. Events reach the ledger late,
 * twice, after their hold was given back, and after the event that was made for their call as an orphan.
 */
export class LedgerLife {
  readonly organizationId = randomUUID();
  readonly outcomes: string[] = [];
  readonly #below: (bound: number) => number;
  readonly #twin: MemoryAdmission;
  readonly #books: TwinnedBooks;
  readonly #gatewaySide: ReturnType<StagedAdmission['gateway']>;
  readonly #gateways: Gateway[] = [];
  /** What was on the bus, to be delivered again. */
  readonly #delivered: Call[] = [];
  /** Finals of calls of which the next process of their gateway knew only that they had begun. They turn up later. */
  #putAside: Call[] = [];
  readonly #keys = ['limited', 'subscribed', 'free'].map((name) => `${name} ${randomUUID()}`) as [
    string,
    string,
    string,
  ];
  readonly #group = randomUUID();
  readonly #project = randomUUID();
  readonly #subscription = randomUUID();
  readonly #period: { startMs: number; endMs: number };
  #limit: Limit | null = null;
  #cap: Limit | null = null;
  #budgets: { group: Limit | null; project: Limit | null } = { group: null, project: null };
  #quota = 30n;
  #payg = 40n;
  #isCancelled = false;
  #grants: GrantItem[] | null = null;
  #version = 1;
  /** The highest cap that each account was ever admitted under. */
  readonly #highest = new Map<string, bigint>();
  #wasAdjusted = false;

  constructor(
    seed: number,
    life: number,
    private readonly time: StageTime,
    private readonly database: ServiceDatabase,
    admission: StagedAdmission,
  ) {
    this.#below = randomBelow(seed, life);
    this.#twin = new MemoryAdmission(
      () => time.nowMs * 1_000,
      () => time.nowMs,
    );
    this.#books = new TwinnedBooks(admission.books, this.#twin);
    this.#gatewaySide = admission.gateway();
    const startMs = Math.floor(time.nowMs / 1_000) * 1_000 - 60_000;
    this.#period = { startMs, endMs: startMs + 30 * DAY_MS };
  }

  async live(steps: number): Promise<readonly string[]> {
    for (let at = 0; at < 2; at++) {
      const journalId = randomUUID();
      journals.add(journalId);
      this.#gateways.push({ instanceId: randomUUID(), journalId, number: 0, underWay: new Map(), journal: [] });
    }
    for (const { instanceId, journalId } of this.#gateways)
      await new GatewayInstances(this.database).register({ instanceId, journalId });
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#rest();
    return this.outcomes;
  }

  async #step(): Promise<void> {
    const dice = this.#below(100);
    if (dice < 41) return this.#call();
    if (dice < 62) return this.#end();
    if (dice < 73) return this.#deliver();
    if (dice < 83) return this.#change();
    if (dice < 87) return this.time.set(this.time.nowMs + this.#below(4) * this.#below(7_000));
    if (dice < 92) return this.#lapse();
    if (dice < 95) return this.#forget();
    if (this.#below(5) === 0) await this.#usageIsOne();
    return this.#kill();
  }

  /** One call of one of the keys, at one of the gateways. */
  async #call(gateway = this.#gateways[this.#below(2)]!): Promise<void> {
    const key = this.#keys[this.#below(3)]!;
    if (key === this.#keys[1] && this.#isCancelled) return void this.outcomes.push('subscription ended');
    await this.#gatewaySide.renewLease(gateway.instanceId);
    const requestId = randomUUID();
    const amountNanoUsd = BigInt(1 + this.#below(12));
    for (let attempt = 0; attempt < 8; attempt++) {
      const { accounts, either, grants } = this.#creditOf(key);
      const whose = { requestId, organizationId: this.organizationId, apiKeyId: key, journalId: gateway.journalId };
      if (accounts.length === 0 && either === undefined && grants === undefined) {
        gateway.underWay.set(requestId, { event: this.#event(key, gateway, requestId, null, []), hold: null });
        return void this.outcomes.push('without a limit');
      }
      const item = {
        ...whose,
        instanceId: gateway.instanceId,
        amountNanoUsd,
        accounts,
        ...(either === undefined ? {} : { either }),
        ...(grants === undefined ? {} : { grants }),
        rateLimits: NO_LIMITS,
        tokens: 0,
      };
      const decision = await this.#gatewaySide.reserve(item);
      expect(decision).toEqual(await this.#twin.reserve(item));
      if (decision.kind === 'unavailable') {
        await this.#makeAvailable(decision);
        continue;
      }
      this.outcomes.push(decision.kind);
      if (decision.kind === 'credit_exhausted') {
        // Where more is charged and held than a cap, after a late final say, nothing is left of it, and never less.
        expect(decision.availableNanoUsd).toBeGreaterThanOrEqual(0n);
        if (decision.availableNanoUsd === 0n && (await this.#isAboveCap(accounts, decision.accountId)))
          this.outcomes.push('above its cap');
      }
      if (decision.kind !== 'admitted') return;
      const chosen = either?.filter(({ accountId }) => accountId === decision.either) ?? [];
      const whole = [...accounts, ...chosen];
      const { parts } = decision;
      if (decision.either !== undefined)
        this.outcomes.push(decision.either.startsWith('payg') ? 'pay-as-you-go' : 'a quota');
      if (parts !== undefined) this.outcomes.push(parts.length > 1 ? 'several grants' : 'a grant');
      const hold = {
        requestId,
        apiKeyId: key,
        instanceId: gateway.instanceId,
        journalId: gateway.journalId,
        amountNanoUsd,
        accountIds: whole.map(({ accountId }) => accountId),
        ...(parts === undefined ? {} : { parts }),
        parallel: false,
        tokens: 0,
      };
      // What a gateway that counted as gone had charged may be above what was left meanwhile: then no more is admitted.
      const taken = (grants ?? []).filter(
        ({ accountId }) => !this.#wasAdjusted || parts?.some((part) => part.accountId === accountId),
      );
      await this.#nothingAboveItsCap(whole, taken);
      const named = [
        ...whole.map((account) => ({ accountId: account.accountId, cap: this.#capNow(account) })),
        ...(parts ?? []).map((part) => ({
          accountId: part.accountId,
          cap: grants!.find(({ accountId }) => accountId === part.accountId)!.capNanoUsd,
          held: part.amountNanoUsd,
        })),
      ];
      const event = this.#event(key, gateway, requestId, amountNanoUsd, named);
      gateway.underWay.set(requestId, { event, hold });
      return;
    }
    throw new Error('a call was never decided');
  }

  #capNow({ capNanoUsd, raise }: CappedItem): bigint {
    return raise !== undefined && this.time.nowMs < raise.untilMs ? raise.capNanoUsd : capNanoUsd;
  }

  async #isAboveCap(accounts: readonly CappedItem[], accountId: string): Promise<boolean> {
    const account = accounts.find((each) => each.accountId === accountId);
    const balance = (await this.#books.accounts(this.organizationId)).get(accountId);
    if (account === undefined || balance === undefined) return false;
    return balance.postedNanoUsd + balance.heldNanoUsd > this.#capNow(account);
  }

  /** Invariant I1: what is charged and held is at most the cap, right after a call was admitted under it. */
  async #nothingAboveItsCap(whole: readonly CappedItem[], grants: readonly GrantItem[]): Promise<void> {
    const balances = await this.#books.accounts(this.organizationId);
    const caps = [
      ...whole.map((account) => [account.accountId, this.#capNow(account)] as const),
      ...grants.map(({ accountId, capNanoUsd }) => [accountId, capNanoUsd] as const),
    ];
    for (const [accountId, cap] of caps) {
      const { postedNanoUsd = 0n, heldNanoUsd = 0n } = balances.get(accountId) ?? {};
      expect(postedNanoUsd + heldNanoUsd, accountId).toBeLessThanOrEqual(cap);
      if (cap > (this.#highest.get(accountId) ?? 0n)) this.#highest.set(accountId, cap);
    }
  }

  /** The credit of a key, as its snapshot and that of its organisation say it. */
  #creditOf(key: string): Pick<Parameters<MemoryAdmission['reserve']>[0], 'accounts' | 'either' | 'grants'> {
    const [limited, subscribed] = this.#keys;
    const accounts: CappedItem[] = [];
    if (key === limited && this.#limit !== null)
      accounts.push(this.#item(this.#limit, (cycle) => cycleAccountId(key, cycle)));
    if (this.#cap !== null) accounts.push(this.#item(this.#cap, () => `organization:${this.organizationId}`));
    if (key !== subscribed && this.#budgets.group !== null)
      accounts.push(this.#item(this.#budgets.group, (cycle) => budgetAccountId('group', this.#group, cycle)));
    if (key === limited && this.#budgets.project !== null)
      accounts.push(this.#item(this.#budgets.project, (cycle) => budgetAccountId('project', this.#project, cycle)));
    const cycle = this.#period;
    const either = [
      { accountId: subscriptionAccountId(this.#subscription, cycle), capNanoUsd: this.#quota, cycle },
      { accountId: paygAccountId(this.#subscription, cycle), capNanoUsd: this.#payg, cycle },
    ];
    return {
      accounts,
      ...(key === subscribed ? { either } : {}),
      ...(this.#grants === null ? {} : { grants: this.#grants }),
    };
  }

  #item({ reset, ...limit }: Limit, idOf: (cycle: ReturnType<typeof cycleOf>) => string): CappedItem {
    const { startMs, endMs, ...cycle } = cycleOf(reset, this.time.nowMs);
    const accountId = idOf({ startMs, endMs, ...cycle });
    return { accountId, ...limit, ...(reset === 'never' ? {} : { cycle: { startMs, endMs } }) };
  }

  #event(
    key: string,
    { journalId }: Gateway,
    requestId: string,
    hold: bigint | null,
    named: readonly { readonly accountId: string; readonly cap: bigint; readonly held?: bigint }[],
  ): UsageRecordedV2 {
    const startedAt = new Date(this.time.nowMs).toISOString();
    const account = (accountId: string, cap: bigint | null) => ({
      accountId,
      capNanoUsd: cap?.toString() ?? null,
      kind: null,
      cycle: null,
    });
    const isOwn = (accountId: string) => accountId.startsWith(`key:${key}`);
    const others = named.map(({ accountId, cap, held }) => ({
      ...account(accountId, cap),
      ...(held === undefined ? {} : { heldNanoUsd: held.toString() }),
    }));
    const event = usageEvent({ requestId, organizationId: this.organizationId, apiKeyId: key, journalId });
    return {
      ...secondVersion(event),
      priceLines: [],
      holdNanoUsd: hold?.toString() ?? null,
      accounts: named.some(({ accountId }) => isOwn(accountId)) ? others : [account(`key:${key}`, null), ...others],
      startedAt,
      endedAt: startedAt,
      groupIds: key === this.#keys[1] ? null : [this.#group],
      projectId: key === this.#keys[0] ? this.#project : null,
    };
  }

  async #makeAvailable(decision: { readonly why: string; readonly accountId?: string }): Promise<void> {
    this.outcomes.push(decision.why);
    if (decision.why === 'no_epoch') return this.#open();
    if (decision.why === 'not_loaded') return this.#load(decision.accountId!);
    throw new Error(`not expected: ${decision.why}`);
  }

  /** Opens an epoch from the ledger, and announces what the gateways have. */
  async #open(): Promise<void> {
    const openings: EpochOpening[] = [];
    const admission = {
      hasEpoch: this.#books.hasEpoch,
      openEpoch: (epoch: EpochOpening) => {
        openings.push(epoch);
        return this.#books.openEpoch(epoch);
      },
    };
    await new OpenEpoch(this.database, admission, bus, logger, meter).open(this.organizationId);
    for (const { journalId } of openings[0]?.waitingFor ?? []) {
      const gateway = this.#gateways.find((each) => each.journalId === journalId);
      if (gateway === undefined) await this.#books.stopWaiting(this.organizationId, journalId);
      else await this.#announce(gateway);
    }
  }

  async #announce({ journalId, underWay, journal }: Gateway): Promise<void> {
    const booked = await this.#gatewaySide.bookedNumber(this.organizationId, journalId);
    expect(booked).toBe(await this.#twin.bookedNumber(this.organizationId, journalId));
    const announcement = {
      organizationId: this.organizationId,
      journalId,
      holds: [...underWay.values()].flatMap(({ hold }) => (hold === null ? [] : [hold])),
      finals: journal.flatMap(({ event, hold }) => {
        if (hold === null) return [];
        const amountNanoUsd = BigInt(event.chargeNanoUsd);
        const parts = hold.parts === undefined ? {} : { parts: splitCharge(amountNanoUsd, hold.parts) };
        return [{ ...hold, amountNanoUsd, ...parts, journalNumber: event.journalNumber }];
      }),
    };
    await this.#gatewaySide.announce(announcement);
    await this.#twin.announce(announcement);
  }

  async #load(accountId: string): Promise<void> {
    const { reset, startMs } = cycleOfAccount(accountId);
    const isKeys = accountId.startsWith('key:');
    const limit = isKeys
      ? this.#limit
      : accountId.startsWith('group:')
        ? this.#budgets.group
        : accountId.startsWith('project:')
          ? this.#budgets.project
          : this.#cap;
    const request: LoadAccountRequest = {
      organizationId: this.organizationId,
      accountId,
      apiKeyId: isKeys ? this.#keys[0] : null,
      reset: reset as CreditReset,
      startMs: reset === 'never' ? null : startMs,
      generation: limit!.generation,
    };
    const { time } = this;
    class LoadAccountThen extends LoadAccount {
      protected override nowMs(): number {
        return time.nowMs;
      }
    }
    await new LoadAccountThen(this.database, this.#books, bus, meter).load(request);
  }

  /** Ends one call: it is settled at once, or only when it is booked. */
  async #end(gateway = this.#gateways[this.#below(2)]!): Promise<void> {
    const calls = [...gateway.underWay.values()];
    const call = calls[this.#below(Math.max(1, calls.length))];
    if (call === undefined) return;
    gateway.underWay.delete(call.event.requestId);
    const ended = this.#ended(gateway, call);
    gateway.journal.push(ended);
    if (call.hold === null || this.#below(5) === 0) return void this.outcomes.push('ended');
    await this.#settle(ended);
    this.outcomes.push('settled');
  }

  async #settle({ event }: Call): Promise<void> {
    const { requestId, organizationId } = event;
    const item = { requestId, organizationId, chargeNanoUsd: BigInt(event.chargeNanoUsd), tokens: null };
    this.#gatewaySide.settle(item);
    this.#twin.settle(item);
    await this.#gatewaySide.drain?.();
  }

  /** The call with its cost: sometimes nothing, sometimes more than was held, sometimes with a mark-up. */
  #ended(gateway: Gateway, { event, hold }: Call): Call {
    const most = hold === null ? 12 : Number(hold.amountNanoUsd);
    const cost = BigInt(this.#below(4) === 0 ? 0 : this.#below(Math.ceil(most * 1.3) + 1));
    const billable = this.#below(3) === 0 ? cost + (cost + 4n) / 5n : null;
    const owed = billable ?? cost;
    const charge = hold !== null && owed > hold.amountNanoUsd ? hold.amountNanoUsd : owed;
    gateway.number += 1;
    return {
      hold,
      event: {
        ...event,
        journalNumber: gateway.number,
        costNanoUsd: cost.toString(),
        chargeNanoUsd: charge.toString(),
        ...(billable === null ? {} : { billableNanoUsd: billable.toString() }),
      },
    };
  }

  /** The call as the next process of its gateway ends it: charged by the last that its journal has of it. */
  #orphaned(gateway: Gateway, call: Call): Call {
    const ended = this.#ended(gateway, call);
    return { ...ended, event: { ...ended.event, outcome: 'orphaned' } };
  }

  /** Some of what a journal has reaches the ledger, with some of what reached it before. */
  async #deliver(gateway = this.#gateways[this.#below(2)]!, count = 1 + this.#below(6)): Promise<void> {
    const fresh = gateway.journal.slice(0, count);
    const again = this.#delivered.filter(() => this.#below(4) === 0).slice(0, 3);
    const found = this.#putAside.filter(() => this.#below(3) === 0);
    const calls = this.#below(2) === 0 ? [...again, ...fresh, ...found] : [...found, ...fresh, ...again, ...fresh];
    if (calls.length === 0) return;
    await this.#book(calls);
    gateway.journal = gateway.journal.slice(fresh.length);
    this.#putAside = this.#putAside.filter((call) => !found.includes(call));
    this.#delivered.push(...fresh, ...found);
    this.outcomes.push(again.length > 0 ? 'delivered again' : 'delivered');
    if (found.length > 0) this.outcomes.push('found');
  }

  async #book(calls: readonly Call[]): Promise<void> {
    const book = new BookUsage(
      this.database,
      this.#books,
      new SettleHolds(this.#books, logger),
      new ScreeningAt(this.database, () => this.time.nowMs),
      logger,
      meter,
    );
    await book.book(usageBatch(calls.map(({ event }) => event)));
  }

  async #change(): Promise<void> {
    const limit = (before: Limit | null, resets: readonly CreditReset[]): Limit | null => {
      if (before !== null && this.#below(4) === 0) return null;
      const capNanoUsd = BigInt(this.#below(60));
      const reset = before === null || this.#below(3) === 0 ? resets[this.#below(resets.length)]! : before.reset;
      const isNew = before === null || reset !== before.reset;
      const raise = { capNanoUsd: capNanoUsd + 20n, untilMs: this.time.nowMs + this.#below(9_000) };
      const generation = isNew ? ++this.#version : before.generation;
      return { capNanoUsd, reset, generation, ...(this.#below(4) === 0 ? { raise } : {}) };
    };
    switch (this.#below(9)) {
      case 0:
        this.#limit = limit(this.#limit, RESETS);
        return void this.outcomes.push('another limit');
      case 1:
        this.#cap = limit(this.#cap, ['never']);
        return void this.outcomes.push('another limit of the organisation');
      case 2:
        this.#budgets = { ...this.#budgets, group: limit(this.#budgets.group, RESETS) };
        return void this.outcomes.push('another budget');
      case 3:
        this.#budgets = { ...this.#budgets, project: limit(this.#budgets.project, RESETS) };
        return void this.outcomes.push('another budget');
      case 4:
      case 5:
      case 6:
        if (this.#grants !== null && this.#below(6) === 0) this.#grants = null;
        else this.#grants = [...(this.#grants ?? []), await this.#give()].sort(spentFirst);
        return void this.outcomes.push('granted');
      case 7:
        this.#quota = BigInt(this.#below(50));
        this.#payg = BigInt(this.#below(50));
        return void this.outcomes.push('another plan');
      default:
        this.#isCancelled = this.#below(2) === 0;
        return void this.outcomes.push('cancelled');
    }
  }

  async #give(): Promise<GrantItem> {
    const endMs = this.#below(2) === 0 ? null : this.time.nowMs + this.#below(12_000);
    const [id, amountNanoUsd] = [randomUUID(), BigInt(1 + this.#below(25))];
    await this.database.inOrganization(this.organizationId, (manager) =>
      new GrantStore(this.database).insert(
        manager,
        {
          organizationId: this.organizationId,
          id,
          amountNanoUsd,
          expiresAt: endMs === null ? null : new Date(endMs),
          description: null,
          createdAt: new Date(this.time.nowMs),
          expiredNanoUsd: 0n,
          endedByHand: false,
          live: true,
          closedAt: null,
        },
        null,
      ),
    );
    return { accountId: grantAccountId(id), capNanoUsd: amountNanoUsd, endMs };
  }

  /** What grants have left and un-held after their end lapses; sometimes one is ended by hand just before. */
  async #lapse(): Promise<void> {
    const mistake = this.#grants?.find(() => this.#below(6) === 0);
    if (mistake !== undefined) {
      this.#grants = this.#grants!.map((each) => (each === mistake ? { ...each, endMs: this.time.nowMs } : each));
      await this.#query(`UPDATE billing.grant SET expires_at = $2, ended_by_hand = true, live = false WHERE id = $1`, [
        mistake.accountId.slice('grant:'.length),
        new Date(this.time.nowMs),
      ]);
    }
    // All gateways of a life announce at once, and no call waits for admission.
    await this.#query(`UPDATE billing.credit_epoch SET opened_at = 'epoch' WHERE organization_id = $1`, [
      this.organizationId,
    ]);
    // Each life looks after its own grants alone: the clocks of lives differ.
    const ownDatabase = {
      acrossOrganizations: () => Promise.resolve([{ organization_id: this.organizationId }]),
      inOrganization: this.database.inOrganization.bind(this.database),
    } as unknown as ServiceDatabase;
    const [store, terms] = [new GrantStore(this.database), new OrganizationTerms(relay)];
    const end = new EndGrants(ownDatabase, store, terms, this.#books, bus, logger);
    await end.end(new Date(this.time.nowMs + LAPSE_MARGIN_MS));
    this.outcomes.push('lapsed');
  }

  #query<Row>(sql: string, parameters: unknown[]): Promise<Row[]> {
    return this.database.inOrganization(this.organizationId, (manager) => manager.query<Row[]>(sql, parameters));
  }

  /** Admission forgets: the next epoch is opened from the ledger. */
  async #forget(): Promise<void> {
    await this.#books.closeEpoch(this.organizationId);
    this.outcomes.push('forgotten');
  }

  /** A gateway dies: its holds are given back, and what its journal has comes before that, or after it. */
  async #kill(): Promise<void> {
    const gateway = this.#gateways[this.#below(2)]!;
    const { instanceId } = gateway;
    const calls = [...gateway.underWay.values()];
    gateway.underWay.clear();
    for (const call of calls) {
      const dice = this.#below(4);
      // Some calls ended all the same, and only their journal knows it.
      if (dice < 2) gateway.journal.push(this.#ended(gateway, call));
      // Of others it knows how far they had come, and how they ended turns up somewhere else, or never.
      else if (dice === 2) {
        const ended = this.#ended(gateway, call);
        if (this.#below(4) > 0) this.#putAside.push(ended);
        gateway.journal.push(this.#orphaned(gateway, call));
        this.#wasAdjusted = true;
      }
    }
    const isLate = this.#below(2) === 0;
    if (!isLate) await this.#deliver(gateway, Infinity);
    const instances = new GatewayInstances(this.database);
    await instances.markGone([instanceId]);
    if (this.#below(3) === 0) {
      // Admission loses its holds before anybody looks for them: none is found to be given back.
      await this.#forget();
      await this.#open();
      this.outcomes.push('lost');
      this.#wasAdjusted = true;
    }
    await this.#resolve(instanceId, gateway.journalId);
    if (isLate) {
      this.outcomes.push('late');
      this.#wasAdjusted = true;
      // Meanwhile grants end, and another gateway uses the credit that was given back.
      if (this.#below(2) === 0) {
        await this.time.set(this.time.nowMs + this.#below(9_000));
        await this.#lapse();
      }
      await this.#call(this.#gateways.find((each) => each !== gateway));
      await this.#deliver(gateway, Infinity);
    }
    gateway.instanceId = randomUUID();
    await instances.register({ instanceId: gateway.instanceId, journalId: gateway.journalId });
    this.outcomes.push('killed');
  }

  async #resolve(instanceId: string, journalId: string): Promise<void> {
    const instances = {
      unresolved: () => Promise.resolve([{ instanceId, journalId }]),
      organizationsWithEpoch: () => Promise.resolve([this.organizationId]),
      markResolved: (ids: readonly string[]) => new GatewayInstances(this.database).markResolved(ids),
    } as unknown as GatewayInstances;
    const admission = {
      openHolds: this.#books.openHolds,
      organizations: () => Promise.resolve([]),
      settleBooked: this.#books.settleBooked,
      stopWaiting: this.#books.stopWaiting,
    };
    await new ResolveOrphans(this.database, instances, admission, bus, logger, meter).resolveAll();
  }

  /** Invariant I2: once all calls have ended and are booked, nothing is held, and all books say the same. */
  async #rest(): Promise<void> {
    for (const gateway of this.#gateways) {
      while (gateway.underWay.size > 0) await this.#end(gateway);
      await this.#deliver(gateway, Infinity);
    }
    if (this.#putAside.length > 0) await this.#book(this.#putAside);
    this.#delivered.push(...this.#putAside.splice(0));
    if (!(await this.#books.hasEpoch(this.organizationId))) await this.#open();
    await this.#endCarried();
    const comparison = await new CompareBalances(this.database, this.#books).of(this.organizationId);
    for (const each of comparison) {
      const { accountId, ledgerPostedNanoUsd: posted } = each;
      expect([accountId, each.transfersNanoUsd, each.heldNanoUsd]).toEqual([accountId, posted, 0n]);
      if (each.admissionPostedNanoUsd !== null)
        expect([accountId, each.admissionPostedNanoUsd]).toEqual([accountId, posted]);
      expect(each.eventsNanoUsd, accountId).toBeGreaterThanOrEqual(posted);
      const isExact = /^(subscription|payg|grant):/.test(accountId);
      if (isExact) expect([accountId, each.eventsNanoUsd]).toEqual([accountId, posted]);
      // No charge without a hold is ever made on these.
      if (/^(subscription|payg|grant):/.test(accountId))
        expect(posted, accountId).toBeLessThanOrEqual(this.#highest.get(accountId) ?? 0n);
    }
    await this.#eachGrantWhole();
    await this.#eachCallOnce();
    await this.#usageIsOne();
  }

  /** Events, transfers and all roll-ups say the same. They do so at each moment, whatever is under way. */
  async #usageIsOne(): Promise<void> {
    expect(await compareAllUsage(new UsageCheckStore(this.database), this.organizationId)).toEqual([]);
  }

  /** Calls that counted on another account of their limit while they were under way count there by their charge. */
  async #endCarried(): Promise<void> {
    const kept = new CarriedHolds(this.database);
    const ofOne = async () => (await kept.all()).filter((each) => each.organizationId === this.organizationId);
    if ((await ofOne()).length > 0) this.outcomes.push('carried');
    const release = new ReleaseCarriedHolds(kept, this.#books, bus);
    // A call whose event never comes is given up later.
    for (const minutes of [0, 10])
      await release.releaseIn(this.organizationId, await ofOne(), new Date(Date.now() + minutes * 60_000));
    expect(await ofOne()).toEqual([]);
  }

  /** What was spent, lapsed and is left of a grant add up to what was given; of an ended one nothing is left. */
  async #eachGrantWhole(): Promise<void> {
    await this.#lapse();
    const grants = await this.#query<{
      id: string;
      amount: string;
      spent: string;
      expired: string;
      told: string;
      is_over: boolean;
    }>(
      `SELECT g.id, g.amount_nano_usd AS amount, g.expired_nano_usd AS expired, coalesce(a.posted_nano_usd, 0) AS spent,
         g.expires_at <= $2 AS is_over,
         (SELECT coalesce(sum(amount_nano_usd), 0) FROM billing.transfer
          WHERE account_id = 'grant:' || g.id AND kind = 'expire') AS told
       FROM billing.grant AS g LEFT JOIN billing.account AS a ON a.account_id = 'grant:' || g.id WHERE g.organization_id = $1`,
      [this.organizationId, new Date(this.time.nowMs)],
    );
    for (const { id, amount, spent, expired, told, is_over: isOver } of grants) {
      const left = BigInt(amount) - BigInt(spent) - BigInt(expired);
      expect(told, id).toBe(expired);
      if (isOver) expect([id, left]).toEqual([id, 0n]);
      else expect(left, id).toBeGreaterThanOrEqual(0n);
      if (BigInt(expired) > 0n && BigInt(spent) > 0n) this.outcomes.push('spent and lapsed');
    }
  }

  /** Each call is charged once: by its event, on its own account, and in the sums of its key. */
  async #eachCallOnce(): Promise<void> {
    const [row] = await this.database.acrossOrganizations((manager) =>
      manager.query<{ events: string; own: string; keys: string; days: string; calls: string; finals: string }[]>(
        `SELECT count(*) AS calls, count(*) FILTER (WHERE outcome <> 'orphaned') AS finals, coalesce(sum(charge_nano_usd), 0) AS events,
           (SELECT coalesce(sum(amount_nano_usd), 0) FROM billing.transfer AS t JOIN billing.usage_event AS e USING (request_id)
            WHERE t.organization_id = $1 AND t.kind IN ('post', 'adjust', 'correct') AND t.account_id = e.accounts->0->>'accountId') AS own,
           (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.key_usage WHERE organization_id = $1) AS keys,
           (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.key_usage_day WHERE organization_id = $1) AS days
         FROM billing.usage_event WHERE organization_id = $1`,
        [this.organizationId],
      ),
    );
    const { calls, finals, events, own, keys, days } = row!;
    const requests = (of: readonly Call[]) => new Set(of.map(({ event }) => event.requestId)).size;
    expect(Number(calls)).toBe(requests(this.#delivered));
    expect(Number(finals)).toBe(requests(this.#delivered.filter(({ event }) => event.outcome !== 'orphaned')));
    expect({ own, keys, days }).toEqual({ own: events, keys: events, days: events });
  }
}

/** Balances by account. One of which nothing is posted or held may be missing. */
const inOrder = (balances: Awaited<ReturnType<AdmissionBooks['accounts']>>) =>
  new Map([...balances].filter(([, each]) => each.postedNanoUsd > 0n || each.heldNanoUsd > 0n).sort());

/** Soonest-expiring first, never-expiring last. */
const spentFirst = (one: GrantItem, other: GrantItem): number =>
  (one.endMs ?? Infinity) - (other.endMs ?? Infinity) || 0;

import { setTimeout as sleep } from 'node:timers/promises';
import { AddressAllowance, blockOf, type AddressAllowanceOptions } from './address-allowance.js';

/** How many failures are borne. All can be set by the operator. */
export interface FailureLimitSettings {
  /** Of one account from one address, an IPv6 address counting as its /64. */
  readonly failuresPerMinute: number;
  /** Of one account from everywhere. Beyond it attempts are slowed, never refused for good. */
  readonly accountFailuresPerHour: number;
  /** From one address, of all accounts together. */
  readonly addressFailuresPerMinute: number;
}

export const FAILURE_LIMITS_DEFAULT: FailureLimitSettings = {
  failuresPerMinute: 10,
  accountFailuresPerHour: 100,
  addressFailuresPerMinute: 300,
};

/**
 * One attempt, before anything secret is compared. `limited`: answer 429 with `Retry-After`, and compare nothing.
 * `slowed`: await `turn()` first. An attempt counts as a failure until `succeeded` or `abandoned` says otherwise, so
 * that a thousand at once are no more guesses than ten in turn.
 */
export interface Attempt {
  readonly verdict: 'open' | 'slowed' | 'limited';
  /** Whether the right secret of this account came from the address lately. */
  readonly proven: boolean;
  /** For `Retry-After` of a limited one. */
  readonly retryAfterSeconds: number;
  /** Waits for the turn of a slowed attempt, others not at all; false if too many wait: it is then limited. */
  turn(): Promise<boolean>;
  /** The secret was right. */
  succeeded(): void;
  /** It was not found out whether the secret was right, since something of ours failed. */
  abandoned(): void;
}

export interface FailureLimitsOptions extends FailureLimitSettings {
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** Resolves after some milliseconds. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3_600;
/** Between two attempts at one account that is slowed. */
const SLOWED_MS = 1_000;
/** Attempts at one account that wait for their turn; more are refused at once. */
const WAITING_MAX = 20;
/** Accounts that are slowed at one time: each costs a timer and the requests that wait. */
const SLOWED_ACCOUNTS_MAX = 100;
/** Accounts and addresses that are told apart. */
const KEPT_MAX = 50_000;
/** For how long an address counts as one from which the right secret came. */
const PROVEN_MS = 30 * 24 * HOUR_SECONDS * 1_000;

/**
 * Limits guessing: by account and address tightly, by account loosely, by address in between. An account is a text,
 * such as an e-mail address or the name of a secret. Nobody can lock another one out: an address from which the right
 * secret came lately is never refused, its attempts are slowed at most; and from elsewhere an account with many
 * failures is slowed. Memory is bounded: what did least lately is forgotten.
 *
 * @example
 * const attempt = limits.begin('ada@example.org', clientAddressOf(request));
 * if (attempt.verdict === 'limited' || !(await attempt.turn())) throw tooManyFailures(attempt.retryAfterSeconds);
 * if (await matches(password)) attempt.succeeded();
 */
export class FailureLimits {
  readonly #pairs: AddressAllowance;
  readonly #accounts: AddressAllowance;
  readonly #addresses: AddressAllowance;
  readonly #lanes = new Map<string, { waiting: number; last: Promise<unknown> }>();
  /** When the right secret last came, by account and address; the oldest first. */
  readonly #proven = new Map<string, number>();
  readonly #now: () => number;
  readonly #wait: (ms: number) => Promise<unknown>;

  constructor({ now = () => performance.now(), wait = (ms) => sleep(ms), ...settings }: FailureLimitsOptions) {
    this.#now = now;
    this.#wait = wait;
    const allowance = (options: Pick<AddressAllowanceOptions, 'burst' | 'perSecond'>) =>
      new AddressAllowance({ ...options, now, addressesMax: KEPT_MAX });
    const { failuresPerMinute, accountFailuresPerHour, addressFailuresPerMinute } = settings;
    this.#pairs = allowance({ burst: failuresPerMinute, perSecond: failuresPerMinute / MINUTE_SECONDS });
    this.#accounts = allowance({ burst: accountFailuresPerHour, perSecond: accountFailuresPerHour / HOUR_SECONDS });
    this.#addresses = allowance({
      burst: addressFailuresPerMinute,
      perSecond: addressFailuresPerMinute / MINUTE_SECONDS,
    });
  }

  /** Begins an attempt at an account from a client's address. */
  begin(account: string, address: string): Attempt {
    const block = blockOf(address);
    const pair = `${account} ${block}`;
    const proven = this.#isProven(pair);
    // The address comes first: who fails at thousands of accounts must not push others' counts out of memory.
    const ofAddress = this.#addresses.take(block);
    if (!ofAddress && !proven) return this.#refused(this.#addresses);
    const ofPair = this.#pairs.take(pair);
    if (!ofPair && !proven) {
      if (ofAddress) this.#addresses.giveBack(block);
      return this.#refused(this.#pairs);
    }
    const ofAccount = this.#accounts.take(account);
    const back = (): void => {
      if (ofPair) this.#pairs.giveBack(pair);
      if (ofAddress) this.#addresses.giveBack(block);
      if (ofAccount) this.#accounts.giveBack(account);
    };
    // Where an account is under attack, the places from which its secret comes go on as before.
    const slowed = proven ? !ofPair || !ofAddress : !ofAccount;
    return {
      verdict: slowed ? 'slowed' : 'open',
      proven,
      retryAfterSeconds: Math.ceil(SLOWED_MS / 1_000) * WAITING_MAX,
      turn: () => (slowed ? this.#turn(account) : Promise.resolve(true)),
      succeeded: () => {
        back();
        this.#prove(pair);
      },
      abandoned: back,
    };
  }

  /** Whether so many failures came from an address that nothing of it is looked up for the moment. Takes nothing. */
  refusesAddress(address: string): boolean {
    return !this.#addresses.allows(blockOf(address));
  }

  /** Notes a failure without an account, such as an unknown key. */
  failedFrom(address: string): void {
    this.#addresses.take(blockOf(address));
  }

  /** Whole seconds until an address that `refusesAddress` may fail once more. */
  get addressRetryAfterSeconds(): number {
    return this.#addresses.retryAfterSeconds;
  }

  #refused({ retryAfterSeconds }: AddressAllowance): Attempt {
    const nothing = (): void => undefined;
    return {
      verdict: 'limited',
      proven: false,
      retryAfterSeconds,
      turn: () => Promise.resolve(false),
      succeeded: nothing,
      abandoned: nothing,
    };
  }

  /** One attempt after another, with a pause between two. */
  async #turn(account: string): Promise<boolean> {
    const lane = this.#lanes.get(account) ?? { waiting: 0, last: Promise.resolve() };
    if (lane.waiting >= WAITING_MAX) return false;
    if (lane.waiting === 0 && this.#lanes.size >= SLOWED_ACCOUNTS_MAX) return false;
    this.#lanes.set(account, lane);
    lane.waiting += 1;
    const turn = lane.last.then(() => this.#wait(SLOWED_MS));
    lane.last = turn;
    await turn;
    lane.waiting -= 1;
    if (lane.waiting === 0) this.#lanes.delete(account);
    return true;
  }

  #isProven(pair: string): boolean {
    const at = this.#proven.get(pair);
    return at !== undefined && this.#now() - at < PROVEN_MS;
  }

  #prove(pair: string): void {
    const known = this.#proven.delete(pair);
    const [oldest] = this.#proven.keys();
    if (!known && oldest !== undefined && this.#proven.size >= KEPT_MAX) this.#proven.delete(oldest);
    this.#proven.set(pair, this.#now());
  }
}

import {
  gcraLeft,
  gcraTake,
  GRANTS,
  type AdmissionDecision,
  type CappedItem,
  type RateState,
  type ReserveItem,
  type SettleItem,
} from '@tollgate/credit';
import {
  accountField,
  formatAccounts,
  formatGateway,
  limitField,
  loadField,
  parseBesides,
  rateField,
  requestField,
  toJson,
} from './hold-text.js';

/** Capacity of the cache of keys' parts; the whole cache is cleared when it is full. */
const KEYS_MAX = 10_000;
/** The most parts of one key, on routes with different budgets; all of them are dropped when there are more. */
const PARTS_OF_KEY_MAX = 32;
/** The script counts time in quarters of a microsecond. */
const TICKS_PER_US = 4;
const REPLY_WIDTH = 3;

/** A settle with this charge only gives back the place among parallel requests. */
export const PLACE_ONLY = -1n;

/** A reserve that waits for its decision. */
export interface PendingReserve {
  readonly item: ReserveItem;
  readonly decide: (decision: AdmissionDecision) => void;
}

/** The part of a call that all reserves of a key share, in the format that admit.lua reads. */
interface KeyPart extends Pick<ReserveItem, 'instanceId' | 'journalId' | 'accounts' | 'rateLimits'> {
  readonly either: ReserveItem['either'];
  readonly grants: ReserveItem['grants'];
  /** The values, as JSON without the brackets of the array; `width` is how many they are. */
  readonly json: string;
  readonly width: number;
  /** The texts in whose place the values have numbers. */
  readonly shared: readonly SharedText[];
  /** What must hold of its accounts with a cycle or a generation; null if it has none. */
  readonly conditions: Conditions | null;
  /** What it has besides accounts that take the whole amount, or raised caps; null if it has none of it. */
  readonly further: readonly number[] | null;
  /** Other accounts of the same key, on other routes. */
  readonly next: KeyPart | null;
  /** The number of the last call that it was written into, and its place there. */
  call: number;
  place: number;
}

/** What must hold of the accounts of a key: all their cycles have begun and none has ended, and some are loaded. */
interface Conditions {
  readonly startMs: number;
  readonly endMs: number;
  /** The accounts that must be loaded, with their numbers among those of the key, from 1. */
  readonly loads: readonly { readonly number: number; readonly load: LoadPart }[];
}

/** A text about accounts, which all keys that have it share: it is written once into each call, beside its number. */
interface SharedText {
  readonly number: number;
  readonly json: string;
  /** The number of the last call that it was written into. */
  call: number;
}

/** An account that must be loaded, which all keys that have it share. */
interface LoadPart {
  /** Its values, as JSON without the brackets of the array. */
  readonly json: string;
  /** The number of the last call that it was written into, and its number there, from 1. */
  call: number;
  number: number;
}

/** Writes calls of admit.lua: a batch is one JSON text, in which each key appears once. */
export class AdmitCalls {
  #call = 0;
  readonly #keys = new Map<string, KeyPart>();
  readonly #loads = new Map<string, LoadPart>();
  readonly #shared = new Map<string, SharedText>();
  #nextShared = 1;

  /**
   * The argument of a call under the store id `storeId`. The cache compares a key's accounts and rate limits by object
   * identity, so they must not be changed in place.
   */
  write(storeId: string, settles: readonly SettleItem[], reserves: readonly PendingReserve[]): string {
    this.#call += 1;
    const fields: string[] = [];
    const numbers: number[] = [];
    const answers: number[] = [];
    const openEnded: (number | string)[] = [];
    const keys: string[] = [];
    // Both are made only for a call that needs them: admit.lua takes their absence for "none".
    let conditions: number[] | null = null;
    const loads: string[] = [];
    const shared: string[] = [];
    let further: (readonly number[])[] | null = null;
    let nextPlace = 1;
    for (const { requestId, chargeNanoUsd, tokens, answerTokens } of settles) {
      const number = fields.push(requestField(requestId));
      numbers.push(Number(chargeNanoUsd), tokens ?? -1);
      if (answerTokens != null && answerTokens > 0) answers.push(number, answerTokens);
    }
    for (const { item } of reserves) {
      const key = this.#keyPart(item);
      if (key.call !== this.#call) {
        key.call = this.#call;
        key.place = nextPlace;
        nextPlace += key.width;
        keys.push(key.json);
        for (const text of key.shared)
          if (text.call !== this.#call) {
            text.call = this.#call;
            shared.push(text.json);
          }
        if (key.conditions !== null) {
          conditions ??= [];
          this.#writeConditions(key.place, key.conditions, conditions, loads);
        }
        if (key.further !== null) (further ??= []).push([key.place, ...key.further]);
      }
      const number = fields.push(requestField(item.requestId)) - settles.length;
      if (item.openEnded && item.rateLimits.tokensPerMinute !== null) {
        openEnded.push(number, item.openEnded.inputTokens, item.openEnded.answersOf);
      }
      numbers.push(key.place, Number(item.amountNanoUsd), tokenUnits(item));
    }
    let last = conditions === null ? '' : `,[[${loads.join()}],${toJson(conditions)}]`;
    if (further !== null) last = `${last === '' ? ',0' : last},${toJson(further)}`;
    return `${toJson([storeId, settles.length, fields, numbers, answers, openEnded]).slice(0, -1)},[${keys.join()}],[${shared.join()}]${last}]`;
  }

  #writeConditions(place: number, { startMs, endMs, loads }: Conditions, conditions: number[], texts: string[]): void {
    conditions.push(place, startMs, endMs, loads.length);
    for (const { number, load } of loads) {
      if (load.call !== this.#call) {
        load.call = this.#call;
        load.number = texts.push(load.json);
      }
      conditions.push(number, load.number);
    }
  }

  #keyPart(item: ReserveItem): KeyPart {
    const known = this.#keys.get(item.apiKeyId);
    let count = 0;
    for (let part = known; part != null; part = part.next ?? undefined) {
      if (isPartOf(part, item)) return part;
      count += 1;
    }
    if (known === undefined && this.#keys.size >= KEYS_MAX) this.#keys.clear();
    const conditions = conditionsOf([...item.accounts, ...(item.either ?? [])], this.#loadPart);
    const part = keyPart(item, this.#sharedText, conditions, count < PARTS_OF_KEY_MAX ? (known ?? null) : null);
    this.#keys.set(item.apiKeyId, part);
    return part;
  }

  readonly #sharedText = (text: string): SharedText => {
    let known = this.#shared.get(text);
    if (known === undefined) {
      if (this.#shared.size >= KEYS_MAX) this.#shared.clear();
      const number = this.#nextShared++;
      known = { number, json: `${number},${toJson(text)}`, call: 0 };
      this.#shared.set(text, known);
    }
    return known;
  };

  readonly #loadPart = ({ accountId, generation = 0, cycle }: CappedItem): LoadPart => {
    const fields = [loadField(accountId), cycle === undefined ? '' : limitField(accountId)];
    const json = toJson([generation, cycle?.startMs ?? 0, ...fields]).slice(1, -1);
    let part = this.#loads.get(json);
    if (part === undefined) {
      if (this.#loads.size >= KEYS_MAX) this.#loads.clear();
      part = { json, call: 0, number: 0 };
      this.#loads.set(json, part);
    }
    return part;
  };
}

function isPartOf(part: KeyPart, item: ReserveItem): boolean {
  return (
    part.accounts === item.accounts &&
    part.rateLimits === item.rateLimits &&
    part.instanceId === item.instanceId &&
    part.journalId === item.journalId &&
    part.either === item.either &&
    part.grants === item.grants
  );
}

function keyPart(
  item: ReserveItem,
  sharedText: (text: string) => SharedText,
  conditions: Conditions | null,
  next: KeyPart | null,
): KeyPart {
  const { instanceId, journalId, accounts, either, grants, rateLimits } = item;
  const all = [...accounts, ...(either ?? []), ...(grants ?? [])];
  const shared: SharedText[] = [];
  const numberOf = (text: string): number => {
    const known = sharedText(text);
    shared.push(known);
    return known.number;
  };
  const [first, ...others] = accounts.map(({ accountId }) => accountId);
  const values = [
    rateField(item.apiKeyId),
    formatGateway(item),
    rateLimits.requestsPerMinute ?? 0,
    rateLimits.tokensPerMinute ?? 0,
    rateLimits.parallelRequests ?? 0,
    all.length,
    // The first account is the key's own in nearly all cases, and the others are its organisation's.
    others.length > 0 ? numberOf(formatAccounts(others)) : formatAccounts(first === undefined ? [] : [first]),
    ...all.flatMap(({ accountId, capNanoUsd }, at) => [
      at === 0 ? accountField(accountId) : numberOf(accountField(accountId)),
      Number(capNanoUsd),
    ]),
  ];
  return {
    instanceId,
    journalId,
    accounts,
    either,
    grants,
    rateLimits,
    json: toJson(values).slice(1, -1),
    width: values.length,
    shared,
    conditions,
    further: furtherOf(item),
    next,
    call: 0,
    place: 0,
  };
}

/** The end of a period without one: any time is before it. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** What admit.lua must check of a key's accounts with a cycle or a generation; null if it has none. */
function conditionsOf(accounts: readonly CappedItem[], loadPart: (account: CappedItem) => LoadPart): Conditions | null {
  if (accounts.every(({ generation = 0, cycle }) => generation === 0 && cycle === undefined)) return null;
  return {
    startMs: Math.max(...accounts.map(({ cycle }) => cycle?.startMs ?? 0)),
    endMs: Math.min(...accounts.map(({ cycle }) => cycle?.endMs ?? NEVER_MS)),
    loads: accounts.flatMap((account, at) =>
      (account.generation ?? 0) === 0 ? [] : [{ number: at + 1, load: loadPart(account) }],
    ),
  };
}

/** What admit.lua must know of a key with more than accounts that take the whole amount, or with raised caps. */
function furtherOf(item: ReserveItem): readonly number[] | null {
  if (!hasFurther(item)) return null;
  const { accounts, either = [], grants } = item;
  const capped = [...accounts, ...either];
  return [
    ...[accounts.length, either.length, grants?.length ?? -1],
    ...capped.map(({ raise }) => raise?.untilMs ?? 0),
    ...(grants ?? []).map(({ endMs }) => endMs ?? 0),
    ...capped.map(({ raise, capNanoUsd }) => Number(raise?.capNanoUsd ?? capNanoUsd)),
    ...(grants ?? []).map(() => 0),
  ];
}

/**
 * Decides the reserves of a call by the reply of admit.lua.
 * @throws {Error} if the reply cannot be read; then no reserve has been decided
 */
export function decideReserves(reserves: readonly PendingReserve[], reply: string): void {
  const values = JSON.parse(reply) as (number | string)[];
  const width = reserves.length * REPLY_WIDTH;
  const besides = reserves.filter(({ item }) => hasFurther(item));
  if (values.length !== width + besides.length)
    throw new Error('the admission script replied with the wrong number of decisions');
  let nextBesides = width;
  const decisions = reserves.map(({ item }, place) => {
    const at = place * REPLY_WIDTH;
    const decision = readDecision(item, numberAt(values, at), numberAt(values, at + 1), numberAt(values, at + 2));
    if (!hasFurther(item)) return decision;
    const held = values[nextBesides++];
    return decision.kind === 'admitted' ? withBesides(decision, item, held) : decision;
  });
  // The whole reply is read before the first request is decided: after an error all holds of the batch are released,
  // and no request may have gone on by then.
  decisions.forEach((decision, place) => reserves[place]?.decide(decision));
}

function numberAt(values: readonly (number | string)[], at: number): number {
  const value = values[at];
  return typeof value === 'number' ? value : NaN;
}

/** Whether the call writes `furtherOf` the request's key, and the reply says what was held besides. */
function hasFurther(item: ReserveItem): boolean {
  const { accounts, either, grants } = item;
  return (either !== undefined && either.length > 0) || grants !== undefined || accounts.some(hasRaise);
}

function hasRaise({ raise }: CappedItem): boolean {
  return raise !== undefined;
}

function withBesides(
  decision: AdmissionDecision & { readonly kind: 'admitted' },
  { grants }: ReserveItem,
  held: number | string | undefined,
): AdmissionDecision {
  if (typeof held !== 'string') throw new Error('the admission script did not say what it held');
  const { either, parts } = parseBesides(held);
  return { ...decision, ...(either === null ? {} : { either }), ...(grants === undefined ? {} : { parts }) };
}

/** The outcome `FIRST_ACCOUNT + i` says that the account `i` has too little credit. */
const FIRST_ACCOUNT = 10;

function readDecision(
  item: ReserveItem,
  outcome: number,
  requestsTicks: number,
  tokensTicks: number,
): AdmissionDecision {
  if (outcome < 0) {
    const rate = rateState(item, requestsTicks, tokensTicks);
    const waitMs = retryAfterMs(tokensTicks, item.rateLimits.tokensPerMinute!, -outcome);
    return { kind: 'rate_limited', limit: 'tokens', retryAfterMs: waitMs, rate };
  }
  switch (outcome) {
    case 0:
      return { kind: 'admitted', rate: rateState(item, requestsTicks, tokensTicks) };
    case 1:
      return {
        kind: 'rate_limited',
        limit: 'requests',
        retryAfterMs: retryAfterMs(requestsTicks, item.rateLimits.requestsPerMinute!, 1),
        rate: rateState(item, requestsTicks, tokensTicks),
      };
    case 3:
      return {
        kind: 'rate_limited',
        limit: 'parallel',
        retryAfterMs: 1_000,
        rate: rateState(item, requestsTicks, tokensTicks),
      };
    case 4:
      return { kind: 'unavailable', why: 'no_epoch' };
    case 5:
      return { kind: 'unavailable', why: 'announcing' };
    // Here and below the reply has something else in place of the ticks: the time, a number of an account, or credit.
    case 6:
      return { kind: 'unavailable', why: 'other_cycle', nowMs: requestsTicks };
    case 7:
      return { kind: 'unavailable', why: 'not_loaded', accountId: accountAt(item, requestsTicks) };
    default:
      return {
        kind: 'credit_exhausted',
        accountId: accountAt(item, outcome - FIRST_ACCOUNT),
        availableNanoUsd: BigInt(requestsTicks),
      };
  }
}

/**
 * The account that a decision is about, by its number from 0 among all of the request.
 * @throws {Error} if the request has none of that number
 */
function accountAt({ accounts, either = [], grants }: ReserveItem, number: number): string {
  const account = [...accounts, ...either, ...(grants ?? [])][number];
  if (account !== undefined) return account.accountId;
  if (grants?.length === 0 && number === accounts.length + either.length) return GRANTS;
  throw new Error('the admission script replied with an unknown outcome');
}

/** The functions of libs/domain/credit take arrival times; the reply's ticks count from the decision, so now is 0. */
function rateState(
  { rateLimits: { requestsPerMinute, tokensPerMinute } }: ReserveItem,
  requestsTicks: number,
  tokensTicks: number,
): RateState {
  return {
    requests: requestsPerMinute === null ? null : left(requestsTicks, requestsPerMinute),
    tokens: tokensPerMinute === null ? null : left(tokensTicks, tokensPerMinute),
  };
}

function left(ticks: number, limit: number): { limit: number; remaining: number; resetMs: number } {
  const { remaining, resetUs } = gcraLeft(ticks / TICKS_PER_US, limit, 0);
  return { limit, remaining, resetMs: Math.ceil(resetUs / 1_000) };
}

function retryAfterMs(ticks: number, limit: number, units: number): number {
  return Math.ceil(gcraTake(ticks / TICKS_PER_US, limit, units, 0).retryAfterUs / 1_000);
}

/**
 * The tokens that a request takes of its tokens per minute, at most the limit. For an open-ended request the script
 * uses this number only while no answer of the model is known.
 */
function tokenUnits({ tokens, rateLimits: { tokensPerMinute } }: ReserveItem): number {
  return tokensPerMinute === null ? 0 : Math.min(tokens, tokensPerMinute);
}

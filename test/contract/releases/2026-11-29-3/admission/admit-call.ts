import {
  gcraLeft,
  gcraTake,
  type AdmissionDecision,
  type RateState,
  type ReserveItem,
  type SettleItem,
} from '../credit/index.js';
import {
  accountField,
  formatAccounts,
  formatGateway,
  limitField,
  loadField,
  rateField,
  requestField,
  toJson,
} from './hold-text.js';

/** Capacity of the cache of keys' parts; the whole cache is cleared when it is full. */
const KEYS_MAX = 10_000;
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
  /** The values, as JSON without the brackets of the array; `width` is how many they are. */
  readonly json: string;
  readonly width: number;
  /** What must hold of its accounts with a cycle or a generation; null if it has none. */
  readonly conditions: readonly (readonly (string | number)[])[] | null;
  /** The number of the last call that it was written into, and its place there. */
  call: number;
  place: number;
}

/** Writes calls of admit.lua: a batch is one JSON text, in which each key appears once. */
export class AdmitCalls {
  #call = 0;
  readonly #keys = new Map<string, KeyPart>();

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
    // Made only for a call that needs it: admit.lua takes its absence for "none".
    let conditions: (string | number)[] | null = null;
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
        if (key.conditions !== null) {
          conditions ??= [];
          for (const condition of key.conditions) conditions.push(key.place, ...condition);
        }
      }
      const number = fields.push(requestField(item.requestId)) - settles.length;
      if (item.openEnded && item.rateLimits.tokensPerMinute !== null) {
        openEnded.push(number, item.openEnded.inputTokens, item.openEnded.answersOf);
      }
      numbers.push(key.place, Number(item.amountNanoUsd), tokenUnits(item));
    }
    const last = conditions === null ? '' : `,${toJson(conditions)}`;
    return `${toJson([storeId, settles.length, fields, numbers, answers, openEnded]).slice(0, -1)},[${keys.join()}]${last}]`;
  }

  #keyPart(item: ReserveItem): KeyPart {
    const known = this.#keys.get(item.apiKeyId);
    if (
      known?.accounts === item.accounts &&
      known.rateLimits === item.rateLimits &&
      known.instanceId === item.instanceId &&
      known.journalId === item.journalId
    )
      return known;
    if (this.#keys.size >= KEYS_MAX) this.#keys.clear();
    const part = keyPart(item);
    this.#keys.set(item.apiKeyId, part);
    return part;
  }
}

function keyPart(item: ReserveItem): KeyPart {
  const { instanceId, journalId, accounts, rateLimits } = item;
  const values = [
    rateField(item.apiKeyId),
    formatGateway(item),
    rateLimits.requestsPerMinute ?? 0,
    rateLimits.tokensPerMinute ?? 0,
    rateLimits.parallelRequests ?? 0,
    accounts.length,
    formatAccounts(accounts.map(({ accountId }) => accountId)),
    ...accounts.flatMap(({ accountId, capNanoUsd }) => [accountField(accountId), Number(capNanoUsd)]),
  ];
  return {
    instanceId,
    journalId,
    accounts,
    rateLimits,
    json: toJson(values).slice(1, -1),
    width: values.length,
    conditions: conditionsOf(accounts),
    call: 0,
    place: 0,
  };
}

/** The end of a period without one: any time is before it. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** What admit.lua must check of each account with a cycle or a generation: its number (from 1), then the values. */
function conditionsOf(accounts: ReserveItem['accounts']): readonly (readonly (string | number)[])[] | null {
  const conditions = accounts.flatMap(({ accountId, generation = 0, cycle }, at) =>
    generation === 0 && cycle === undefined
      ? []
      : [
          [
            at + 1,
            generation,
            cycle?.startMs ?? 0,
            cycle?.endMs ?? NEVER_MS,
            loadField(accountId),
            cycle === undefined ? '' : limitField(accountId),
          ],
        ],
  );
  return conditions.length === 0 ? null : conditions;
}

/**
 * Decides the reserves of a call by the reply of admit.lua.
 * @throws {Error} if the reply cannot be read; then no reserve has been decided
 */
export function decideReserves(reserves: readonly PendingReserve[], reply: string): void {
  const numbers = JSON.parse(reply) as number[];
  if (numbers.length !== reserves.length * REPLY_WIDTH)
    throw new Error('the admission script replied with the wrong number of decisions');
  const decisions = reserves.map(({ item }, place) => {
    const at = place * REPLY_WIDTH;
    return readDecision(item, numbers[at] ?? NaN, numbers[at + 1] ?? NaN, numbers[at + 2] ?? NaN);
  });
  // The whole reply is read before the first request is decided: after an error all holds of the batch are released,
  // and no request may have gone on by then.
  for (const [place, decision] of decisions.entries()) reserves[place]?.decide(decision);
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
      return { kind: 'unavailable', why: 'not_loaded', accountId: accountAt(item, requestsTicks).accountId };
    default:
      return {
        kind: 'credit_exhausted',
        accountId: accountAt(item, outcome - FIRST_ACCOUNT).accountId,
        availableNanoUsd: BigInt(requestsTicks),
      };
  }
}

/**
 * The account that a decision is about, by its number from 0.
 * @throws {Error} if the request has none of that number
 */
function accountAt({ accounts }: ReserveItem, number: number): ReserveItem['accounts'][number] {
  const account = accounts[number];
  if (account === undefined) throw new Error('the admission script replied with an unknown outcome');
  return account;
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

import { gcraLeft, gcraTake, type AdmissionDecision, type RateState, type ReserveItem, type SettleItem } from '../credit/index.js';
import { accountField, formatAccounts, formatGateway, rateField, requestField, toJson } from './hold-text.js';

/** Keys whose part of a call is remembered; more, and all are forgotten. */
const KEYS_MAX = 10_000;
/** The script counts time in quarters of a microsecond. */
const TICKS_PER_US = 4;
const REPLY_WIDTH = 3;

export interface PendingReserve {
  readonly item: ReserveItem;
  readonly decide: (decision: AdmissionDecision) => void;
}

/** What all reserves of a key have in common, as admit.lua reads it. */
interface KeyPart extends Pick<ReserveItem, 'instanceId' | 'journalId' | 'accounts' | 'rateLimits'> {
  /** Values of a JSON array, and how many. */
  readonly json: string;
  readonly width: number;
  /** The call that it was last written into, and its place there. */
  call: number;
  place: number;
}

/** Writes calls of admit.lua: the whole batch is one JSON text, in which each key stands once. */
export class AdmitCalls {
  #call = 0;
  readonly #keys = new Map<string, KeyPart>();

  /**
   * The argument of a call under the store `storeId`. A key's accounts and rate limits are known again as the same
   * objects: they must not be changed in place.
   */
  write(storeId: string, settles: readonly SettleItem[], reserves: readonly PendingReserve[]): string {
    this.#call += 1;
    const fields: string[] = [];
    const numbers: number[] = [];
    const keys: string[] = [];
    let nextPlace = 1;
    for (const { requestId, chargeNanoUsd, tokens } of settles) {
      fields.push(requestField(requestId));
      numbers.push(Number(chargeNanoUsd), tokens ?? -1);
    }
    for (const { item } of reserves) {
      const key = this.#keyPart(item);
      if (key.call !== this.#call) {
        key.call = this.#call;
        key.place = nextPlace;
        nextPlace += key.width;
        keys.push(key.json);
      }
      fields.push(requestField(item.requestId));
      numbers.push(key.place, Number(item.amountNanoUsd), tokenUnits(item));
    }
    return `${toJson([storeId, settles.length, fields, numbers]).slice(0, -1)},[${keys.join()}]]`;
  }

  #keyPart(item: ReserveItem): KeyPart {
    const known = this.#keys.get(item.apiKeyId);
    if (known?.accounts === item.accounts && known.rateLimits === item.rateLimits && known.instanceId === item.instanceId && known.journalId === item.journalId) return known;
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
  return { instanceId, journalId, accounts, rateLimits, json: toJson(values).slice(1, -1), width: values.length, call: 0, place: 0 };
}

/** Decides the reserves of a call by the reply of admit.lua. */
export function decideReserves(reserves: readonly PendingReserve[], reply: string): void {
  const numbers = JSON.parse(reply) as number[];
  let at = 0;
  for (const { item, decide } of reserves) {
    decide(readDecision(item, numbers[at]!, numbers[at + 1]!, numbers[at + 2]!));
    at += REPLY_WIDTH;
  }
}

function readDecision(item: ReserveItem, outcome: number, requestsTicks: number, tokensTicks: number): AdmissionDecision {
  switch (outcome) {
    case 0: return { kind: 'admitted', rate: rateState(item, requestsTicks, tokensTicks) };
    case 1: return { kind: 'rate_limited', limit: 'requests', retryAfterMs: retryAfterMs(requestsTicks, item.rateLimits.requestsPerMinute!, 1), rate: rateState(item, requestsTicks, tokensTicks) };
    case 2: return { kind: 'rate_limited', limit: 'tokens', retryAfterMs: retryAfterMs(tokensTicks, item.rateLimits.tokensPerMinute!, tokenUnits(item)), rate: rateState(item, requestsTicks, tokensTicks) };
    case 3: return { kind: 'rate_limited', limit: 'parallel', retryAfterMs: 1_000, rate: rateState(item, requestsTicks, tokensTicks) };
    case 4: return { kind: 'unavailable', why: 'no_epoch' };
    case 5: return { kind: 'unavailable', why: 'announcing' };
    // What the account has room for stands in the place of the ticks.
    default: return { kind: 'credit_exhausted', accountId: item.accounts[outcome - 10]!.accountId, availableNanoUsd: BigInt(requestsTicks) };
  }
}

/** The pure functions work with arrival times; here these count from the moment of the decision. */
function rateState({ rateLimits: { requestsPerMinute, tokensPerMinute } }: ReserveItem, requestsTicks: number, tokensTicks: number): RateState {
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

/** What a request takes of its tokens per minute, at most all of them. */
function tokenUnits({ tokens, rateLimits: { tokensPerMinute } }: ReserveItem): number {
  return tokensPerMinute === null ? 0 : Math.min(tokens, tokensPerMinute);
}

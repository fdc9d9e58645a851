import {
  gcraLeft,
  gcraTake,
  type AdmissionDecision,
  type RateState,
  type ReserveItem,
  type SettleItem,
} from '../credit/index.js';
import { accountField, formatAccounts, formatGateway, rateField, requestField, toJson } from './hold-text.js';

/** Keys whose part of a call is remembered; more, and all are forgotten. */
const KEYS_MAX = 10_000;
/** The script counts time in quarters of a microsecond. */
const TICKS_PER_US = 4;
const REPLY_WIDTH = 3;

/** A settle with this charge gives back the place among parallel requests alone. */
export const PLACE_ONLY = -1n;

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
    const answers: number[] = [];
    const openEnded: (number | string)[] = [];
    const keys: string[] = [];
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
      }
      const number = fields.push(requestField(item.requestId)) - settles.length;
      if (item.openEnded && item.rateLimits.tokensPerMinute !== null) {
        openEnded.push(number, item.openEnded.inputTokens, item.openEnded.answersOf);
      }
      numbers.push(key.place, Number(item.amountNanoUsd), tokenUnits(item));
    }
    return `${toJson([storeId, settles.length, fields, numbers, answers, openEnded]).slice(0, -1)},[${keys.join()}]]`;
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
    call: 0,
    place: 0,
  };
}

/** Decides the reserves of a call by the reply of admit.lua; none where that cannot be read. @throws {Error} then */
export function decideReserves(reserves: readonly PendingReserve[], reply: string): void {
  const numbers = JSON.parse(reply) as number[];
  if (numbers.length !== reserves.length * REPLY_WIDTH)
    throw new Error('the admission script answered about another number of requests');
  const decisions: AdmissionDecision[] = [];
  for (let at = 0; at < numbers.length; at += REPLY_WIDTH) {
    decisions.push(readDecision(reserves[at / REPLY_WIDTH]!.item, numbers[at]!, numbers[at + 1]!, numbers[at + 2]!));
  }
  // All are read before the first is told: after an error their holds are released, and none may have gone on by then.
  for (let i = 0; i < decisions.length; i++) reserves[i]!.decide(decisions[i]!);
}

/** From this outcome on an account has too little credit: the first, the second, and so on. */
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
    // What the account has room for stands in the place of the ticks.
    default:
      return {
        kind: 'credit_exhausted',
        accountId: accountOf(item, outcome).accountId,
        availableNanoUsd: BigInt(requestsTicks),
      };
  }
}

/** The account that has too little. @throws {Error} for an outcome that the script does not give */
function accountOf({ accounts }: ReserveItem, outcome: number): ReserveItem['accounts'][number] {
  const account = accounts[outcome - FIRST_ACCOUNT];
  if (account === undefined) throw new Error(`the admission script answered with an unknown outcome: ${outcome}`);
  return account;
}

/** The rules of libs/credit work with arrival times; here these count from the moment of the decision. */
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

/** What a request takes of its tokens per minute, at most all of them; without a ceiling while no answer is known. */
function tokenUnits({ tokens, rateLimits: { tokensPerMinute } }: ReserveItem): number {
  return tokensPerMinute === null ? 0 : Math.min(tokens, tokensPerMinute);
}

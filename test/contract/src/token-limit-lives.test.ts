import { randomInt, randomUUID } from 'node:crypto';
import { MemoryAdmission, RedisAdmission, type Admission } from '@tollgate/admission';
import { answersName, type AdmissionDecision, type ReserveItem } from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBelow } from './random-below.js';

const windowMs = 60_000;
const answersKept = 20;
const livesAtOnce = 50;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'token-lives', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

/** An admission and its clock. Only the clock of the one in memory can be moved; on Redis time passes by itself. */
interface Timed {
  readonly admission: Admission;
  nowMs(): number;
  pass(ms: number): void;
  /** Resolves when all settles have been processed. */
  taken(): Promise<void>;
}

function inMemory(): Timed {
  let now = 1_795_190_400_000;
  return {
    admission: new MemoryAdmission(() => now * 1_000),
    nowMs: () => now,
    pass: (ms) => {
      now += ms;
    },
    taken: () => Promise.resolve(),
  };
}

function onRedis(): Timed {
  const admission = new RedisAdmission(connection);
  const nowMs = (): number => performance.timeOrigin + performance.now();
  return { admission, nowMs, pass: () => undefined, taken: () => admission.drain() };
}

describe.each([
  { shape: 'in memory', make: inMemory, lives: 3_000 },
  { shape: 'on Redis', make: onRedis, lives: 500 },
])('tokens per minute $shape', ({ shape, make, lives }) => {
  it(`hold in ${lives} random lives, as long as no answer is longer than the longest of the last 20`, async () => {
    const seed = randomInt(2 ** 31);
    const seen = new Map<string, number>();
    for (let first = 0; first < lives; first += livesAtOnce) {
      await Promise.all(
        Array.from({ length: livesAtOnce }, async (_, number) => {
          const life = new Life(seed, first + number, make());
          for (const what of await life.live()) seen.set(what, (seen.get(what) ?? 0) + 1);
        }),
      );
    }
    const kinds = ['first of a model', 'by the last answers', 'named', 'refused', 'no answer', 'longer than the limit'];
    const inTime = shape === 'in memory' ? ['waited', 'the largest is forgotten'] : [];
    for (const what of ['admitted', ...kinds, ...inTime]) {
      expect(seen.get(what) ?? 0, `${what}, seed ${seed}`).toBeGreaterThan(lives / 50);
    }
  });
});

interface Call {
  readonly item: ReserveItem;
  /** The decision was made between these two times. */
  readonly askedAtMs: number;
  readonly atMs: number;
  readonly model: string;
  readonly named: number | null;
  /** The tokens that it took when it was admitted, and when it ended. */
  readonly took: number;
  endedAtMs: number;
  /** The tokens that it used of the limit; while it is in flight, its input. */
  used: number;
}

/**
 * One key, with an independent record of all answers and of what each call used, to check the limit against. Answers
 * are never longer than the limit's rule assumes; apart from that they are chosen to be as difficult as possible.
 */
class Life {
  readonly #key = {
    organizationId: `tokens-${randomUUID()}`,
    apiKeyId: 'key',
    instanceId: 'i',
    journalId: 'j',
    amountNanoUsd: 0n,
    accounts: [],
  };
  readonly #limit: number;
  readonly #rateLimits: ReserveItem['rateLimits'];
  readonly #ceilings: Readonly<Record<string, number>>;
  readonly #oddsOfShorter: number;
  readonly #answers: Record<string, number[]> = { a: [], b: [] };
  readonly #calls: Call[] = [];
  readonly #inFlight: Call[] = [];
  readonly #seen: string[] = [];
  /** The tokens left at the last decision. `#leftAtMs` is the time before it; 0 if calls have ended since. */
  #left: number;
  #leftAtMs = 0;
  readonly #below: (bound: number) => number;

  constructor(
    private readonly seed: number,
    private readonly number: number,
    private readonly timed: Timed,
  ) {
    this.#below = randomBelow(seed, number);
    this.#limit = 20 + this.#below(300);
    this.#left = this.#limit;
    // If long answers are rare, the largest one drops out of the last 20.
    this.#oddsOfShorter = this.#below(2) === 0 ? 2 : 60;
    this.#rateLimits = { requestsPerMinute: null, tokensPerMinute: this.#limit, parallelRequests: null };
    // Some models can give answers that are longer than the whole limit.
    this.#ceilings = { a: 1 + this.#below(this.#limit), b: 1 + this.#below(this.#limit * 2) };
  }

  async live(): Promise<readonly string[]> {
    const steps = 5 + this.#below(this.#below(4) === 0 ? 400 : 60);
    for (let step = 0; step < steps; step++) {
      switch (this.#below(5)) {
        case 0:
        case 1:
          await this.#burst(1 + this.#below(6));
          break;
        case 2:
        case 3:
          await this.#end(1 + this.#below(4));
          break;
        default:
          this.#wait();
      }
    }
    await this.#end(this.#inFlight.length);
    this.#expectWithinLimit();
    return this.#seen;
  }

  async #burst(calls: number): Promise<void> {
    for (let i = 0; i < calls; i++) await this.#call();
  }

  async #call(): Promise<void> {
    const model = this.#below(2) === 0 ? 'a' : 'b';
    const input = 1 + this.#below(10);
    const named = this.#below(4) === 0 ? 1 + this.#below(this.#limit) : null;
    const largest = this.#largest(model);
    const item: ReserveItem = {
      ...this.#key,
      requestId: randomUUID(),
      rateLimits: this.#rateLimits,
      tokens: input + (named ?? this.#ceilings[model]!),
      openEnded: named === null ? { inputTokens: input, answersOf: answersName(model, 1) } : null,
    };
    const takes = Math.min(named === null && largest !== null ? input + largest : item.tokens, this.#limit);
    const askedAtMs = this.timed.nowMs();
    const decision = await this.timed.admission.reserve(item);
    this.#expectTaken(decision, takes, askedAtMs);
    if (decision.kind !== 'admitted') return;
    this.#seen.push(named !== null ? 'named' : largest === null ? 'first of a model' : 'by the last answers');
    const atMs = this.timed.nowMs();
    const call = { item, model, named, askedAtMs, atMs, took: takes, endedAtMs: atMs, used: input };
    this.#calls.push(call);
    this.#inFlight.push(call);
  }

  /** Ends calls with answers of the greatest allowed length or shorter; the first of a model may reach its ceiling. */
  async #end(calls: number): Promise<void> {
    for (let i = 0; i < calls && this.#inFlight.length > 0; i++) {
      const [call] = this.#inFlight.splice(this.#below(this.#inFlight.length), 1) as [Call];
      const { item, model, named } = call;
      call.endedAtMs = this.timed.nowMs();
      const end = { requestId: item.requestId, organizationId: item.organizationId, chargeNanoUsd: 0n };
      if (this.#below(6) === 0) {
        this.#seen.push('no answer');
        call.used = 0;
        this.timed.admission.settle({ ...end, tokens: 0, answerTokens: null });
        continue;
      }
      const longest = named ?? this.#largest(model) ?? this.#ceilings[model]!;
      const answer = this.#below(this.#oddsOfShorter) === 0 ? longest : 1 + this.#below(longest);
      if (named === null) this.#remember(model, answer);
      call.used += answer;
      if (call.used > this.#limit) this.#seen.push('longer than the limit');
      this.timed.admission.settle({ ...end, tokens: call.used, answerTokens: named === null ? answer : null });
    }
    await this.timed.taken();
    this.#leftAtMs = 0;
  }

  #wait(): void {
    this.#seen.push('waited');
    this.timed.pass(this.#below(20_000));
  }

  /** Expects that a call took what the rule says; a refused one must exceed the limit and name the right wait. */
  #expectTaken(decision: AdmissionDecision, takes: number, askedAtMs: number): void {
    if (decision.kind !== 'admitted' && decision.kind !== 'rate_limited') this.#fail(decision.kind);
    this.#seen.push(decision.kind === 'admitted' ? 'admitted' : 'refused');
    const { remaining } = decision.rate.tokens!;
    const refilled = ((this.timed.nowMs() - this.#leftAtMs) * this.#limit) / windowMs;
    if (decision.kind === 'rate_limited') {
      const until = Math.ceil(((takes - remaining) * windowMs) / this.#limit);
      const one = windowMs / this.#limit;
      const { retryAfterMs } = decision;
      if (remaining >= takes) this.#fail(`refused ${takes} with ${remaining} left`);
      const isTrue = Math.abs(retryAfterMs - until) <= one + 1 && retryAfterMs <= windowMs;
      if (!isTrue) this.#fail(`told to wait ${retryAfterMs} ms`);
    } else if (this.#leftAtMs !== 0) {
      const least = this.#left - takes - 1;
      const isTrue = remaining >= least && remaining <= least + refilled + 2;
      if (!isTrue) this.#fail(`took ${takes} of ${this.#left}, left ${remaining}`);
    }
    this.#left = remaining;
    this.#leftAtMs = askedAtMs;
  }

  /**
   * Expects at every admission that no more was used than the limit plus what was refilled since the first call. A call
   * that alone uses more than the limit counts as the whole limit here; a second such call is never admitted until the
   * limit is free again. So parallel calls exceed the limit at most by the excess of one answer.
   */
  #expectWithinLimit(): void {
    let used = 0;
    for (const call of this.#calls) {
      used += Math.min(call.used, this.#limit);
      const refilled = ((call.atMs - this.#calls[0]!.askedAtMs) * this.#limit) / windowMs;
      // The small addition leaves room for rounding: a hundredth of a token on each side.
      if (used > this.#limit + refilled + 0.02) this.#fail(`used ${used} of ${this.#limit} and ${refilled} refilled`);
    }
    for (const { atMs } of this.#calls) this.#expectOneBeyondLimit(atMs);
  }

  #expectOneBeyondLimit(fromMs: number): void {
    // The limit is whole again when a hundredth of a token is missing: the tolerance for rounding.
    const wholeAgainMs = fromMs + windowMs - windowMs / this.#limit / 100;
    const within = this.#calls.filter(({ atMs }) => atMs >= fromMs && atMs < wholeAgainMs);
    // What calls of before give back within the minute is there beside what is refilled.
    if (this.#calls.some((call) => call.atMs < fromMs && call.endedAtMs >= fromMs && call.used < call.took)) return;
    const beyond = within.filter(({ used }) => used > this.#limit).length;
    if (beyond > 1) this.#fail(`${beyond} calls that use more than the limit went within a minute`);
  }

  #remember(model: string, answer: number): void {
    const before = this.#largest(model);
    this.#answers[model]!.push(answer);
    if (before !== this.#largest(model) && before !== null) this.#seen.push('the largest is forgotten');
  }

  #largest(model: string): number | null {
    const last = this.#answers[model]!.slice(-answersKept);
    return last.length === 0 ? null : Math.max(...last);
  }

  #fail(what: string): never {
    throw new Error(`seed ${this.seed}, life ${this.number}: ${what}`);
  }
}

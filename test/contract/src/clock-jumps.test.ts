import { randomInt, randomUUID } from 'node:crypto';
import { MemoryAdmission, RedisAdmission, type Admission } from '@tollgate/admission';
import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import { startRedis, type RedisServer } from '@tollgate/infra';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockKey, readClockOfTest } from './clock-of-test.js';
import { randomBelow } from './random-below.js';

const lives = 400;
const livesAtOnce = 50;
const windowMs = 60_000;
const day = 86_400_000;
const limits = [1, 3, 7, 60, 1_000] as const;

let server: RedisServer;
let connection: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  connection = connectRedis({ url: server.url, name: 'clock-jumps', commandTimeoutMs: 10_000 });
  await storeKnown(connection, 30_000);
  readClockOfTest(connection.client);
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});

describe('rates under a clock that jumps', () => {
  it(`are the same on both sides in ${lives} random lives, and nobody waits longer than a window`, async () => {
    const seed = randomInt(2 ** 31);
    const seen = new Map<string, number>();
    for (let first = 0; first < lives; first += livesAtOnce) {
      await Promise.all(
        Array.from({ length: livesAtOnce }, async (_, number) => {
          for (const what of await new Life(seed, first + number).live()) seen.set(what, (seen.get(what) ?? 0) + 1);
        }),
      );
    }
    for (const what of [
      'admitted',
      'limited by requests',
      'limited by tokens',
      'settled with more',
      'settled with less',
      'ahead',
      'back',
      'waited a window',
    ]) {
      expect(seen.get(what) ?? 0, `${what}, seed ${seed}`).toBeGreaterThan(lives / 50);
    }
  });
});

/** One key that memory and Redis decide about at the same times, by a clock that jumps by up to ten years. */
class Life {
  readonly #organizationId = `jumps-${randomUUID()}`;
  readonly #there: RedisAdmission = new RedisAdmission(connection);
  readonly #here: Admission;
  readonly #rateLimits: ReserveItem['rateLimits'];
  readonly #open: { requestId: string; tokens: number }[] = [];
  readonly #seen: string[] = [];
  #nowMs = 1_795_190_400_000;
  /** Requests that may still be admitted: the limit, plus what was refilled, plus the limit for each jump ahead. */
  #requestsDue: number;
  readonly #below: (bound: number) => number;
  #step = 0;

  constructor(
    private readonly seed: number,
    private readonly number: number,
  ) {
    this.#below = randomBelow(seed, number);
    this.#here = new MemoryAdmission(() => this.#nowMs * 1_000);
    const requestsPerMinute = limits[this.#below(limits.length)]!;
    this.#rateLimits = { requestsPerMinute, tokensPerMinute: 20 + this.#below(200), parallelRequests: null };
    this.#requestsDue = requestsPerMinute;
  }

  async live(): Promise<readonly string[]> {
    await this.#set(0);
    for (this.#step = 0; this.#step < 40; this.#step++) {
      switch (this.#below(6)) {
        case 0:
        case 1:
        case 2:
          await this.#reserve(1 + this.#below(this.#rateLimits.tokensPerMinute!));
          break;
        case 3:
          await this.#settle();
          break;
        case 4:
          await this.#pass(this.#below(windowMs / 2));
          break;
        default:
          await this.#jump();
      }
    }
    await this.#expectOpenAfterWindow();
    return this.#seen;
  }

  async #reserve(tokens: number): Promise<AdmissionDecision> {
    const item: ReserveItem = {
      requestId: randomUUID(),
      organizationId: this.#organizationId,
      apiKeyId: 'key',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 0n,
      accounts: [],
      rateLimits: this.#rateLimits,
      tokens,
      openEnded: null,
    };
    const [here, there] = await Promise.all([this.#here.reserve(item), this.#there.reserve(item)]);
    this.#expectSame(here, there);
    if (here.kind === 'admitted') {
      this.#open.push({ requestId: item.requestId, tokens });
      this.#requestsDue -= 1;
      // The script allows a hundredth of a request more, because of rounding.
      if (this.#requestsDue < -0.02) this.#fail('more requests were let through than the limit and the clock allow');
    }
    this.#seen.push(here.kind === 'rate_limited' ? `limited by ${here.limit}` : here.kind);
    return here;
  }

  /** Settles a random call. Some report a thousand times the expected tokens. */
  async #settle(): Promise<void> {
    const call = this.#open.splice(this.#below(this.#open.length), 1)[0];
    if (call === undefined) return;
    const tokens = this.#below(3) === 0 ? call.tokens * 1_000 : this.#below(call.tokens + 1);
    this.#seen.push(tokens > call.tokens ? 'settled with more' : 'settled with less');
    const item = { requestId: call.requestId, organizationId: this.#organizationId, chargeNanoUsd: 0n, tokens };
    this.#here.settle(item);
    this.#there.settle(item);
    await this.#there.drain();
  }

  async #pass(ms: number): Promise<void> {
    this.#requestsDue += (ms / windowMs) * this.#rateLimits.requestsPerMinute!;
    await this.#set(ms);
  }

  async #jump(): Promise<void> {
    const by = [windowMs, 3_600_000, 10 * day, 3_650 * day][this.#below(4)]!;
    const ahead = this.#below(2) === 0;
    this.#seen.push(ahead ? 'ahead' : 'back');
    if (ahead) this.#requestsDue += this.#rateLimits.requestsPerMinute!;
    await this.#set(ahead ? by : -by);
  }

  async #set(byMs: number): Promise<void> {
    this.#nowMs += byMs;
    await connection.client.set(clockKey(this.#organizationId), String(this.#nowMs * 1_000));
  }

  /** Expects that the whole limit is free again a window after the last decision, whatever the clock did. */
  async #expectOpenAfterWindow(): Promise<void> {
    await this.#reserve(1);
    await this.#pass(windowMs);
    const decision = await this.#reserve(this.#rateLimits.tokensPerMinute!);
    if (decision.kind !== 'admitted') this.#fail(`after a window ${JSON.stringify(decision)}`);
    this.#seen.push('waited a window');
  }

  #expectSame(here: AdmissionDecision, there: AdmissionDecision): void {
    if (here.kind !== there.kind) this.#fail(`${here.kind} here, ${there.kind} on Redis`);
    for (const decision of [here, there]) {
      if (decision.kind !== 'admitted' && decision.kind !== 'rate_limited') this.#fail(decision.kind);
      const { requests, tokens } = decision.rate;
      for (const state of [requests!, tokens!]) {
        // At most a full window, plus the hundredth of a unit that rounding may add.
        if (
          state.resetMs > windowMs + (windowMs / state.limit) * 0.01 + 1 ||
          state.remaining < 0 ||
          state.remaining > state.limit
        )
          this.#fail(`a state of ${JSON.stringify(state)}`);
      }
      if (decision.kind === 'rate_limited' && (decision.retryAfterMs > windowMs || decision.retryAfterMs < 0))
        this.#fail(`told to wait ${decision.retryAfterMs} ms`);
    }
    if (here.kind === 'rate_limited' && there.kind === 'rate_limited') {
      if (here.limit !== there.limit || Math.abs(here.retryAfterMs - there.retryAfterMs) > 1)
        this.#fail(`${JSON.stringify(here)} here, ${JSON.stringify(there)} on Redis`);
    }
  }

  #fail(what: string): never {
    throw new Error(`seed ${this.seed}, life ${this.number}, step ${this.#step}: ${what}`);
  }
}

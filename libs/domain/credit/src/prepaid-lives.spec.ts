import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyOrganization,
  openEpoch,
  reserve,
  settle,
  splitCharge,
  type CappedItem,
  type GrantItem,
  type HeldPart,
  type OrganizationState,
} from './index.js';

/**
 * Random lives of a subscription in an organisation that pays beforehand, looked at from outside: by what was admitted
 * and settled, and not by how it is decided.
 */
const STORE = 'store';
const QUOTA: CappedItem = { accountId: 'quota', capNanoUsd: 12n };
const PAYG: CappedItem = { accountId: 'payg', capNanoUsd: 20n, raise: { capNanoUsd: 30n, untilMs: 50 } };
const CAP: CappedItem = { accountId: 'cap', capNanoUsd: 60n };
const CAPS = { quota: 12n, payg: 30n, cap: 60n } as const;

type Step =
  | { readonly kind: 'reserve'; readonly amount: bigint; readonly subscribed: boolean }
  | { readonly kind: 'settle'; readonly place: number; readonly charge: bigint }
  | { readonly kind: 'grant'; readonly amount: bigint; readonly lastsMs: number | null }
  | { readonly kind: 'pass'; readonly ms: number };

const amount = fc.bigInt(0n, 9n);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('reserve' as const), amount, subscribed: fc.boolean() }),
  fc.record({ kind: fc.constant('settle' as const), place: fc.nat(9), charge: amount }),
  fc.record({ kind: fc.constant('grant' as const), amount, lastsMs: fc.option(fc.nat(40)) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(15) }),
);

interface Open {
  readonly requestId: string;
  readonly amount: bigint;
  readonly whole: readonly string[];
  readonly parts: readonly HeldPart[];
}

/** What each account must have, as the sum over what was admitted and settled. */
class Life {
  readonly state: OrganizationState = emptyOrganization();
  readonly grants: GrantItem[] = [{ accountId: 'g0', capNanoUsd: 10n, endMs: 30 }];
  readonly open: Open[] = [];
  readonly spent = new Map<string, bigint>();
  nowMs = 0;
  #requests = 0;

  constructor() {
    openEpoch(this.state, { epochId: 'e', storeId: STORE, posted: [], booked: [], waitingFor: [] }, 0);
  }

  take(next: Step): void {
    if (next.kind === 'pass') this.nowMs += next.ms;
    else if (next.kind === 'settle') this.#settle(next.place, next.charge);
    else if (next.kind === 'reserve') this.#reserve(next.amount, next.subscribed);
    else {
      const endMs = next.lastsMs === null ? null : this.nowMs + next.lastsMs;
      this.grants.push({ accountId: `g${this.grants.length}`, capNanoUsd: next.amount, endMs });
    }
    this.#compare();
  }

  /** Ends all that is under way: what is held then is nothing. */
  rest(): void {
    while (this.open.length > 0) this.#settle(0, this.open.length % 2 === 0 ? 0n : 9n);
    this.#compare();
  }

  #reserve(amountNanoUsd: bigint, subscribed: boolean): void {
    const requestId = `r${++this.#requests}`;
    const item = {
      ...{ requestId, organizationId: 'o', apiKeyId: 'k', instanceId: 'i', journalId: 'j', tokens: 0, amountNanoUsd },
      accounts: [CAP],
      either: subscribed ? [QUOTA, PAYG] : undefined,
      grants: [...this.grants],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    };
    const before = JSON.stringify([...this.state.accounts], (_, value: unknown) => String(value));
    const decision = reserve(this.state, item, STORE, this.nowMs * 1_000);
    const again = reserve(this.state, item, STORE, this.nowMs * 1_000);
    if (decision.kind !== 'admitted') {
      // All or none: a refusal holds nothing anywhere.
      expect(JSON.stringify([...this.state.accounts], (_, value: unknown) => String(value))).toBe(before);
      return;
    }
    expect(again).toEqual(decision);
    const { either, parts = [] } = decision;
    expect(either !== undefined).toBe(subscribed);
    const onGrants = parts.reduce((sum, part) => sum + part.amountNanoUsd, 0n);
    expect(onGrants).toBe(either === QUOTA.accountId ? 0n : amountNanoUsd);
    for (const { accountId } of parts) {
      const { endMs } = this.grants.find((grant) => grant.accountId === accountId)!;
      expect(endMs === null || this.nowMs < endMs).toBe(true);
    }
    const whole = [CAP.accountId, ...(either === undefined ? [] : [either])];
    this.open.push({ requestId, amount: amountNanoUsd, whole, parts });
  }

  #settle(place: number, chargeNanoUsd: bigint): void {
    const [ended] = this.open.splice(place % Math.max(1, this.open.length), 1);
    if (ended === undefined) return;
    const item = { requestId: ended.requestId, organizationId: 'o', chargeNanoUsd, tokens: null };
    expect([settle(this.state, item, 0), settle(this.state, item, 0)]).toEqual([true, false]);
    const charge = chargeNanoUsd < ended.amount ? chargeNanoUsd : ended.amount;
    for (const accountId of ended.whole) this.#spend(accountId, charge);
    for (const { accountId, amountNanoUsd } of splitCharge(charge, ended.parts)) this.#spend(accountId, amountNanoUsd);
  }

  #spend(accountId: string, nanoUsd: bigint): void {
    this.spent.set(accountId, (this.spent.get(accountId) ?? 0n) + nanoUsd);
  }

  #compare(): void {
    const caps = new Map<string, bigint>([
      ...Object.entries(CAPS),
      ...this.grants.map(({ accountId, capNanoUsd }) => [accountId, capNanoUsd] as const),
    ]);
    for (const [accountId, cap] of caps) {
      const held = this.open.reduce((sum, { whole, parts, amount: all }) => {
        const part = parts.find((each) => each.accountId === accountId)?.amountNanoUsd ?? 0n;
        return sum + part + (whole.includes(accountId) ? all : 0n);
      }, 0n);
      const { postedNanoUsd = 0n, heldNanoUsd = 0n } = this.state.accounts.get(accountId) ?? {};
      expect([accountId, postedNanoUsd, heldNanoUsd]).toEqual([accountId, this.spent.get(accountId) ?? 0n, held]);
      expect(postedNanoUsd + heldNanoUsd).toBeLessThanOrEqual(cap);
    }
  }
}

describe('a subscription in an organisation that pays beforehand', () => {
  it('spends, in any life, no more than its quota, its pay-as-you-go and the credit that has not expired', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const life = new Life();
        for (const each of steps) life.take(each);
        life.rest();
        expect([...life.state.accounts.values()].every(({ heldNanoUsd }) => heldNanoUsd === 0n)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

import type { LoadAccountRequest } from '@tollgate/contracts';
import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import type { ActiveSnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import { createLogger } from '@tollgate/telemetry';
import { describe, expect, it } from 'vitest';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { markUpOf } from '../exchange/mark-up.js';
import { cacheKey, type CachedKey } from '../identify-key/cached-key.js';
import { AccountLoads } from './account-loads.js';
import { boundCost, type CostBound } from './cost-bound.js';
import { reserveOnceReady, type ReadyParts } from './reserve-once-ready.js';

const NOON = Date.parse('2026-11-29T12:00:00Z');
const MIDNIGHT = Date.parse('2026-11-30T00:00:00Z');
const SNAPSHOT: ActiveSnapshot = {
  apiKeyId: 'k',
  organizationId: 'o',
  version: 4,
  digests: [],
  state: 'extended',
  name: 'k',
  scopes: [],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [{ accountId: 'key:k', capNanoUsd: '9' }],
  creditReset: 'daily',
  creditGeneration: 4,
};
const ORGANIZATION: OrganizationSnapshot = {
  organizationId: 'o',
  version: 3,
  state: 'active',
  capNanoUsd: '5',
  capGeneration: 3,
};
const PRICE = {
  inputNanoUsdPerMillion: 1_000_000n,
  outputNanoUsdPerMillion: 10_000_000n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
};
const PROVIDER = { injectedFields: { takesCeiling: true }, endAtHold: false, allowFields: new Set<string>() };
const TARGETS = [{ price: PRICE, provider: PROVIDER }] as unknown as Target[];
const TODAY = 'key:k:daily:2026-11-29';
const ADMITTED = { kind: 'admitted', rate: { requests: null, tokens: null } } as const;
const otherCycle = (nowMs: number): AdmissionDecision => ({ kind: 'unavailable', why: 'other_cycle', nowMs });
const notLoaded = (accountId: string): AdmissionDecision => ({ kind: 'unavailable', why: 'not_loaded', accountId });
const unavailable = (why: 'no_epoch' | 'announcing' | 'store_unreachable' | 'store_full'): AdmissionDecision => ({
  kind: 'unavailable',
  why,
});

/** A request whose reserves are decided by the list, one after the other; the last decision stays. */
class Stage {
  readonly asked: string[] = [];
  readonly key: CachedKey;
  readonly exchange: Routed;
  readonly reserved: ReserveItem[] = [];
  load: (request: LoadAccountRequest) => Promise<{ postedNanoUsd: string }> = () =>
    Promise.resolve({ postedNanoUsd: '0' });
  readonly loads = new AccountLoads(
    {
      loadAccount: (request) => {
        this.asked.push(JSON.stringify(request));
        return this.load(request);
      },
    },
    createLogger({ service: 'test', level: 'silent' }),
  );

  constructor(
    private readonly decisions: AdmissionDecision[],
    snapshot = SNAPSHOT,
  ) {
    this.key = cacheKey(snapshot, '', { snapshot: ORGANIZATION, current: true }, undefined, NOON);
    const body = { model: 'r', max_tokens: 7, messages: [{ role: 'user', content: 'hi' }] };
    this.exchange = {
      key: this.key,
      ask: openAiChat.read(Buffer.from(JSON.stringify(body))),
      route: routeOf('r', TARGETS),
      targets: TARGETS,
      translations: null,
    } as unknown as Routed;
  }

  next(): AdmissionDecision {
    return this.decisions.length > 1 ? this.decisions.shift()! : this.decisions[0]!;
  }

  async run(waitMsMax = 60_000, amountNanoUsd = 1n): Promise<string> {
    const item = {
      amountNanoUsd,
      requestId: 'r',
      organizationId: 'o',
      apiKeyId: 'k',
      accounts: this.key.charges.onOpenRoutes.accounts,
    };
    const first = { item: item as unknown as ReserveItem, decision: this.next() };
    const parts: ReadyParts = {
      admission: {
        reserve: (again) => {
          this.reserved.push(again);
          return Promise.resolve(this.next());
        },
      },
      epochs: {
        open: (organizationId) => {
          this.asked.push(`epoch of ${organizationId}`);
          return Promise.resolve();
        },
        noteUnusable: () => undefined,
        noteUsable: () => undefined,
      },
      keys: {
        inCycleAt: ({ snapshot, organization }: CachedKey, nowMs) =>
          cacheKey(snapshot, '', organization, undefined, nowMs),
      },
      loads: this.loads,
    };
    const tried = await reserveOnceReady(this.exchange, first, parts, waitMsMax);
    const { decision } = tried;
    expect(tried.item.accounts).toBe(this.exchange.key.charges.onOpenRoutes.accounts);
    return decision.kind === 'unavailable' ? decision.why : decision.kind;
  }
}

describe('a reserve that cannot be decided at once', () => {
  it.each<[string, AdmissionDecision[], string, readonly string[]]>([
    ['is decided by another answer at once', [ADMITTED], 'admitted', []],
    ['waits for no store that is full', [unavailable('store_full')], 'store_full', []],
    ['waits for no store that is away', [unavailable('store_unreachable')], 'store_unreachable', []],
    ['waits for an epoch', [unavailable('no_epoch'), ADMITTED], 'admitted', ['epoch of o']],
    [
      'waits for gateways that announce',
      [unavailable('announcing'), unavailable('announcing'), ADMITTED],
      'admitted',
      [],
    ],
    [
      'asks for the account of a key to be loaded',
      [notLoaded(TODAY), ADMITTED],
      'admitted',
      [
        `{"organizationId":"o","accountId":"${TODAY}","apiKeyId":"k","reset":"daily","startMs":${MIDNIGHT - 86_400_000},"generation":4}`,
      ],
    ],
    [
      'asks for the account of an organisation to be loaded',
      [notLoaded('organization:o'), ADMITTED],
      'admitted',
      [
        '{"organizationId":"o","accountId":"organization:o","apiKeyId":null,"reset":"never","startMs":null,"generation":3}',
      ],
    ],
    [
      'does all of it where all of it is due',
      [unavailable('no_epoch'), otherCycle(MIDNIGHT), notLoaded('key:k:daily:2026-11-30'), ADMITTED],
      'admitted',
      [
        'epoch of o',
        `{"organizationId":"o","accountId":"key:k:daily:2026-11-30","apiKeyId":"k","reset":"daily","startMs":${MIDNIGHT},"generation":4}`,
      ],
    ],
    [
      'goes on to what the credit says',
      [notLoaded(TODAY), { kind: 'credit_exhausted', accountId: TODAY, availableNanoUsd: 0n }],
      'credit_exhausted',
      [expect.any(String) as string],
    ],
    ['is tried a few times where every cycle is another one', [otherCycle(MIDNIGHT)], 'other_cycle', []],
  ])('%s', async (_what, decisions, outcome, asked) => {
    const stage = new Stage(decisions);
    expect(await stage.run()).toBe(outcome);
    expect(stage.asked).toEqual(asked);
  });

  it('goes on with the key of the cycle that admission names: its accounts and its events', async () => {
    const stage = new Stage([otherCycle(MIDNIGHT), ADMITTED]);
    await stage.run();
    expect(stage.reserved.map(({ accounts }) => accounts[0]?.accountId)).toEqual(['key:k:daily:2026-11-30']);
    expect(stage.exchange.key.charges.onOpenRoutes.eventPart).toContain('key:k:daily:2026-11-30');
    expect(stage.exchange.key.snapshot).toBe(SNAPSHOT);
  });

  it.each([
    ['dearer', 1_000_000, 2n],
    ['no dearer', 0, 1n],
  ])('holds what a call may cost by the plan of the cycle that admission names: %s', async (_what, markUp, times) => {
    const cycleTerms = [
      { fromMs: 0, payg: null, markupMillionths: 0 },
      { fromMs: MIDNIGHT, payg: null, markupMillionths: markUp },
    ];
    const quotas = [{ fromMs: 0, quotaNanoUsd: '9' }];
    const anchorMs = Date.parse('2026-10-30T00:00:00Z');
    const subscription = { subscriptionId: 's', anchorMs, quotas, endsAtMs: null, payg: null, cycleTerms };
    const stage = new Stage([otherCycle(MIDNIGHT), ADMITTED], { ...SNAPSHOT, subscription });
    const bound = boundCost(stage.exchange) as CostBound;
    await stage.run(undefined, bound.amountNanoUsd);
    expect(stage.reserved.map(({ amountNanoUsd }) => amountNanoUsd)).toEqual([bound.amountNanoUsd * times]);
    expect(markUpOf(stage.exchange)).toBe(markUp);
  });

  it('shares a load with the other requests of its account, and waits for no other account', async () => {
    const stages = [0, 1].map(() => new Stage([notLoaded(TODAY), ADMITTED]));
    const [one, two] = stages as [Stage, Stage];
    let answer: () => void = () => undefined;
    one.load = () => new Promise((resolve) => (answer = () => resolve({ postedNanoUsd: '0' })));
    Object.defineProperty(two, 'loads', { value: one.loads });
    const both = [one.run(), two.run()];
    expect(await new Stage([notLoaded('organization:o'), ADMITTED]).run()).toBe('admitted');
    answer();
    expect(await Promise.all(both)).toEqual(['admitted', 'admitted']);
    expect([...one.asked, ...two.asked]).toHaveLength(1);
  });

  it('is given up in the end, whether loads fail, never end or change nothing', async () => {
    const stages = [0, 1, 2].map(() => new Stage([notLoaded(TODAY)]));
    const [failing, hanging, vain] = stages as [Stage, Stage, Stage];
    failing.load = () => Promise.reject(new Error('away'));
    hanging.load = () => new Promise(() => undefined);
    const waitMsMax = 70;
    expect(await Promise.all(stages.map((stage) => stage.run(waitMsMax)))).toEqual(stages.map(() => 'not_loaded'));
    // After a failure nobody asks for a moment; what was asked for in vain is asked for every 20 ms, not without end.
    expect([failing.asked.length, hanging.asked.length]).toEqual([1, 1]);
    expect(vain.asked.length).toBeLessThanOrEqual(5);
  });
});

import { usageRecordedV2 } from '@tollgate/contracts';
import { NO_DETAILS, type TokenUsage } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAiChat } from '../dialects/openai-chat/openai-chat.js';
import { intentSchema, progressSchema } from '../journal/records.js';
import { orphanFinal } from '../journal/recover.js';
import { targetPart } from '../request-path/event-parts.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { Journaled } from '../request-path/exchange/exchange.js';
import type { CallOutcome, UsedSoFar } from '../request-path/forward/call.js';
import { settle } from '../request-path/settle/settle.js';
import { journalProgress } from './journal-progress.js';

const perMillion = (dollars: number) => BigInt(dollars * 1e9);
const times = (thousandths: bigint) => ({ inputThousandths: thousandths, outputThousandths: thousandths });
const price = {
  inputNanoUsdPerMillion: perMillion(5),
  outputNanoUsdPerMillion: perMillion(25),
  cachedInputNanoUsdPerMillion: perMillion(0.5),
  maxOutputTokens: 64_000,
  contextTokens: 1_000_000,
  more: {
    classes: { cacheWrite5m: perMillion(6.25) },
    toolCalls: new Map([['web_search', perMillion(10)]]),
    serviceTiers: new Map([['priority', times(2_000n)]]),
    speeds: new Map([['fast', times(6_000n)]]),
    inferenceGeos: new Map([['us', times(1_100n)]]),
    longContext: [{ aboveInputTokens: 272_000, inputThousandths: 2_000n, outputThousandths: 1_500n }],
  },
};
const target = {
  model: 'second',
  price,
  priceOf: () => null,
  eventPart: targetPart({ route: 'r', provider: 'other', model: 'second' }),
} as unknown as Target;
// The body names an image by its address, so the model may have read its whole context.
const BODY = {
  model: 'm',
  stream: true,
  messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
};
const REQUEST_ID = '01a1fd37-6223-754e-9ccb-000000000001';

/** The parts of an event that are known before the call, without its target. */
const headOf = (holdNanoUsd: bigint | null) => ({
  eventVersion: 2,
  requestId: REQUEST_ID,
  organizationId: 'o',
  apiKeyId: 'k',
  journalId: 'j',
  stream: true,
  holdNanoUsd: holdNanoUsd === null ? null : `${holdNanoUsd}`,
  accounts: [{ accountId: 'key:k', capNanoUsd: null, kind: null, cycle: null }],
  priceVersion: 'v',
  startedAt: '2026-11-29T00:00:00.000Z',
  clientAddress: '127.0.0.1',
  secretId: null,
  projectId: null,
  memberId: null,
  groupIds: null,
  routeGroupId: null,
});

function streaming(used: UsedSoFar | null, holdNanoUsd: bigint | null = null, delivered = () => 5) {
  const exchange = {
    requestId: REQUEST_ID,
    key: {},
    ask: openAiChat.read(Buffer.from(JSON.stringify(BODY))),
    route: {},
    targets: [target],
    journaled: { organizationId: 'o' },
    eventHead: `${JSON.stringify(headOf(holdNanoUsd)).slice(0, -1)},`,
    holdNanoUsd,
    reportsInVain: null,
    settled: false,
    admitted: false,
    journaledOutputTokens: -1,
    arrivedAt: 1,
    firstByteAt: 9,
    answeredAt: 0,
    reply: { headersSent: true, statusCode: 200 },
    providerCall: { deliveredTokens: delivered, usedSoFar: () => used },
  } as unknown as Journaled;
  const records: (readonly [type: string, json: string])[] = [];
  const journal = {
    takeNumber: () => 7,
    append: (type: string, _request: unknown, _number: number, json: string) => {
      records.push([type, json]);
      return Promise.resolve(true);
    },
  } as unknown as Parameters<typeof settle>[0];
  return { exchange, journal, records };
}

const tokens = fc.nat(400_000);
const anyUsage: fc.Arbitrary<TokenUsage> = fc.record(
  {
    inputTokens: tokens,
    outputTokens: fc.nat(5_000),
    cachedInputTokens: tokens,
    reasoningTokens: fc.nat(5_000),
    details: fc
      .record({
        cacheWrite5mTokens: tokens,
        toolCalls: fc.constantFrom<Record<string, number>>({}, { web_search: 2 }),
        serviceTier: fc.constantFrom(null, 'priority', 'unknown'),
        speed: fc.constantFrom(null, 'fast'),
        inferenceGeo: fc.constantFrom(null, 'us'),
      })
      .map((details) => ({ ...NO_DETAILS, ...details })),
  },
  { requiredKeys: ['inputTokens', 'outputTokens', 'cachedInputTokens', 'reasoningTokens'] },
);

describe('a stream whose gateway is killed', () => {
  it('is charged as one that breaks off at its last progress: by its tier, speed, place and length, within its hold', async () => {
    await fc.assert(
      fc.asyncProperty(anyUsage, fc.option(fc.bigInt(0n, 10_000_000_000n)), async (usage, holdNanoUsd) => {
        const used = { target, usage, usageSource: 'counted' } as const;
        const { exchange, journal, records } = streaming(used, holdNanoUsd);
        journalProgress([exchange], journal);
        const call = { ...used, outcome: 'provider_interrupted', finish: () => undefined } satisfies CallOutcome;
        await settle(journal, { settle: () => undefined } as never, () => undefined)(exchange, call);
        const [progress, final] = records.map(([, json]) => JSON.parse(json) as Record<string, unknown>);
        const intent = intentSchema.parse({
          event: { ...headOf(holdNanoUsd), route: 'r', provider: 'first', model: 'first' },
          inputTokensEstimate: 1,
          inputNanoUsdPerMillion: '1',
          outputNanoUsdPerMillion: '1',
        });
        const { journalNumber, endedAt } = final as { journalNumber: number; endedAt: string };
        const orphan = orphanFinal(intent, progressSchema.parse(progress), journalNumber, endedAt);
        expect(orphan).toEqual({ ...usageRecordedV2.parse(final), outcome: 'orphaned' });
        if (holdNanoUsd !== null) expect(BigInt(orphan.chargeNanoUsd) <= holdNanoUsd).toBe(true);
      }),
    );
  });
  it('is charged twice for a tier that costs twice', () => {
    const costOf = (serviceTier: string | null): bigint => {
      const usage = {
        inputTokens: 100,
        outputTokens: 10,
        cachedInputTokens: 0,
        reasoningTokens: 0,
        details: { ...NO_DETAILS, serviceTier },
      };
      const { exchange, journal, records } = streaming({ target, usage, usageSource: 'counted' });
      journalProgress([exchange], journal);
      const { event } = progressSchema.parse(JSON.parse(records[0]![1]));
      return BigInt(event!['costNanoUsd'] as string);
    };
    expect(costOf('priority')).toBe(2n * costOf(null));
  });
  it('is journaled once its answer has begun, and whenever it has delivered more', () => {
    const usage = { inputTokens: 100, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
    let delivered = 0;
    const used = { target, usage, usageSource: 'counted' } as const;
    const { exchange, journal, records } = streaming(used, null, () => delivered);
    const journaled = () => {
      journalProgress([exchange], journal);
      return records.length;
    };
    expect([journaled(), journaled()]).toEqual([1, 1]);
    delivered = 5;
    expect([journaled(), journaled()]).toEqual([2, 2]);
    const waiting = streaming(null);
    journalProgress([waiting.exchange], waiting.journal);
    expect(waiting.records).toEqual([]);
  });
});

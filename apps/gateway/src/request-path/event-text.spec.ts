import { fieldsFrom, USAGE_RECORDED_V2_FIELDS, usageRecordedV2, type FieldSource } from '@tollgate/contracts';
import { NO_DETAILS, usageClasses } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orphanFinal } from '../journal/recover.js';
import { intentSchema } from '../journal/records.js';
import { RouteTable } from './choose-route/route-table.js';
import { gatewayPart } from './event-parts.js';
import { eventHead, finalText, intentText } from './event-text.js';
import type { Routed } from './exchange/exchange.js';
import type { Provider } from '../providers/provider.js';
import { cacheKey } from './identify-key/cached-key.js';
import { isoTime } from './iso-time.js';
import { endText } from './settle/end-text.js';
import { pricedUsage } from './settle/priced-usage.js';

const requestId = '0197a000-0000-7000-8000-000000000001';
const price = {
  inputNanoUsdPerMillion: 150_000_000n,
  outputNanoUsdPerMillion: 600_000_000n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 100,
  contextTokens: 1_000,
};
const NONE = usageClasses({ inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 });
/** Any text that a name may have. */
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

function exchangeOf(
  names: { key: string; organization: string; provider: string; model: string },
  holdNanoUsd: bigint | null,
): Routed {
  const table = new RouteTable(
    {
      routes: [
        { name: 'r', targets: [{ provider: names.provider, model: names.model, weight: 1 }], access: 'everyone' },
      ],
      prices: [{ provider: names.provider, model: names.model, price }],
    },
    new Map([[names.provider, { name: names.provider } as Provider]]),
  );
  const route = table.find('r')!;
  const key = cacheKey(
    {
      state: 'active',
      apiKeyId: names.key,
      organizationId: names.organization,
      version: 1,
      digests: ['d1', 'd2'],
      secrets: [
        { id: names.key, digests: ['d1'], form: 'native', endsAtMs: 5 },
        { id: 's2', digests: ['d2'], form: 'native', endsAtMs: null },
      ],
      scopes: [],
      models: null,
      allowedIps: null,
      expiresAtMs: null,
      accounts: [
        { accountId: names.key, capNanoUsd: '5' },
        { accountId: names.organization, capNanoUsd: null },
      ],
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    } as unknown as Parameters<typeof cacheKey>[0],
    'd2',
  );
  return {
    requestId,
    key,
    route,
    targets: route.targets,
    ask: { stream: true, inputTokensEstimate: 17 },
    charge: null,
    held: {},
    holdNanoUsd,
    startedAtMs: 1_795_190_400_123,
    clientAddress: 'fe80::1%eth0',
    addressIsKnown: true,
    eventHead: '',
  } as unknown as Routed;
}

describe('a time in an event', () => {
  it('is what Date says of it', () => {
    const times = fc.integer({ min: 0, max: Date.UTC(9999, 0) });
    fc.assert(
      fc.property(times, fc.array(fc.integer({ min: -1_500, max: 1_500 }), { maxLength: 5 }), (ms, others) => {
        for (const time of [ms, ...others.map((other) => Math.max(0, ms + other))])
          expect(isoTime(time)).toBe(new Date(time).toISOString());
      }),
    );
  });
});

/** The table's fields of one source that the event has, as `JSON.stringify` writes them. */
const jsonOf = (event: Record<string, unknown>, source: FieldSource): string =>
  JSON.stringify(
    Object.fromEntries(fieldsFrom(USAGE_RECORDED_V2_FIELDS, source).map(({ name }) => [name, event[name]])),
  ).slice(1, -1);

describe('the text of an event', () => {
  it('is, to the last byte, what JSON.stringify makes of its table, and the same in short', () => {
    const exchange = exchangeOf(
      { key: 'k"1', organization: 'o', provider: 'openai', model: 'gpt-4o-mini' },
      9_930_000n,
    );
    const head = eventHead(gatewayPart({ eventVersion: 2, journalId: 'j', priceVersion: '3f2a9c1b7d04' }), exchange);
    exchange.eventHead = head;
    const known =
      '{"eventVersion":2,"journalId":"j","priceVersion":"3f2a9c1b7d04","organizationId":"o","apiKeyId":"k\\"1",' +
      '"accounts":[{"accountId":"k\\"1","capNanoUsd":"5"},{"accountId":"o","capNanoUsd":null}],"secretId":"s2",' +
      '"requestId":"0197a000-0000-7000-8000-000000000001","stream":true,"holdNanoUsd":"9930000",' +
      '"startedAt":"2026-11-20T16:00:00.123Z","clientAddress":"fe80::1%eth0",' +
      '"route":"r","provider":"openai","model":"gpt-4o-mini"';
    expect(intentText(exchange)).toBe(
      `{"event":${known}},"inputTokensEstimate":17,` +
        '"inputNanoUsdPerMillion":"150000000","outputNanoUsdPerMillion":"600000000"}',
    );
    const usage = { inputTokens: 1_000, outputTokens: 500, cachedInputTokens: 0, reasoningTokens: 7 };
    const end = {
      journalNumber: 42,
      outcome: 'completed',
      usageSource: 'provider',
      costNanoUsd: 450_000n,
      chargeNanoUsd: 449_999n,
      billableNanoUsd: undefined,
      unpriced: undefined,
      priceLines: '[]',
      endedAt: 1_795_190_401_007,
      statusCode: 200,
    } as const;
    const times = { arrivedAt: 1_000.2, firstByteAt: 1_310.4, answeredAt: 1_877 };
    const final = finalText(head, exchange.targets[0], endText(usage, end, times));
    expect(final).toBe(
      `${known},"journalNumber":42,"outcome":"completed","inputTokens":1000,"outputTokens":500,` +
        '"cachedInputTokens":0,"reasoningTokens":7,"usageSource":"provider","costNanoUsd":"450000",' +
        '"chargeNanoUsd":"449999","endedAt":"2026-11-20T16:00:01.007Z","textInputTokens":1000,' +
        '"cachedTextTokens":0,"textOutputTokens":493,"priceLines":[],' +
        '"statusCode":200,"firstByteMs":310,"durationMs":877}',
    );
    // A call with details is the same event, whatever these are.
    const read = (text: string) => usageRecordedV2.parse(JSON.parse(text));
    const detailed = finalText(head, exchange.targets[0], endText({ ...usage, details: NO_DETAILS }, end, times));
    expect(read(detailed)).toEqual(read(final));
    expect(read(final)).toMatchObject({
      audioInputTokens: 0,
      passes: [],
      toolCalls: [],
      tierServed: null,
      groupIds: null,
    });
    // Each part equals what JSON.stringify makes of the table's fields in order.
    const event = JSON.parse(final) as Record<string, unknown>;
    const parts = (['gateway', 'key', 'request', 'target', 'end'] as const).map((source) => jsonOf(event, source));
    expect(final).toBe(`{${parts.join(',')}}`);
  });

  it('has no address of a client whom a proxy does not tell: the proxy is not the client', () => {
    const exchange = exchangeOf({ key: 'k', organization: 'o', provider: 'openai', model: 'gpt-4o-mini' }, null);
    const hidden = { ...exchange, addressIsKnown: false } as typeof exchange;
    expect(eventHead('"journalId":"j"', hidden)).toContain('"clientAddress":""');
  });

  it('is an event of its version, whatever the names in it hold', () => {
    // Wildcards in names of models and prices are left to other tests.
    const plain = name.filter((text) => !text.includes('*') && text.trim() === text);
    fc.assert(
      fc.property(
        plain,
        plain,
        plain,
        plain,
        fc.option(fc.bigInt(0n, 10n ** 15n)),
        (key, organization, provider, model, hold) => {
          const exchange = exchangeOf({ key, organization, provider, model }, hold);
          exchange.eventHead = eventHead(
            gatewayPart({ eventVersion: 2, journalId: 'journal', priceVersion: 'v "1"' }),
            exchange,
          );
          const detailed = {
            inputTokens: 100,
            outputTokens: 20,
            cachedInputTokens: 30,
            reasoningTokens: 4,
            details: {
              ...NO_DETAILS,
              cacheWrite5mTokens: 20,
              cacheWrite1hTokens: 40,
              toolCalls: { web_search: 2 },
              passes: [
                {
                  kind: 'advisor_message',
                  model,
                  usage: { inputTokens: 5, outputTokens: 6, cachedInputTokens: 0, reasoningTokens: 0 },
                },
              ],
              serviceTier: 'priority',
            },
          };
          const ended = {
            journalNumber: 7,
            outcome: 'completed',
            usageSource: 'provider',
            costNanoUsd: 12n,
            chargeNanoUsd: 11n,
            billableNanoUsd: undefined,
            unpriced: undefined,
            endedAt: 1_795_190_401_000,
            statusCode: 200,
          } as const;
          const times = { arrivedAt: 1_000, firstByteAt: 1_001, answeredAt: 0 };
          const withSearch = {
            ...price,
            more: {
              classes: {},
              toolCalls: new Map([['web_search', 1_000_000_000n]]),
              serviceTiers: new Map(),
              speeds: new Map(),
              inferenceGeos: new Map(),
              longContext: [],
            },
          };
          const { linesText } = pricedUsage(withSearch, detailed, () => null);
          const intent = intentSchema.parse(JSON.parse(intentText(exchange)));
          const event = usageRecordedV2.parse(
            JSON.parse(
              finalText(
                exchange.eventHead,
                exchange.targets[0],
                endText(detailed, { ...ended, priceLines: linesText }, times),
              ),
            ),
          );
          expect(event).toEqual({
            eventVersion: 2,
            requestId,
            organizationId: organization,
            apiKeyId: key,
            journalId: 'journal',
            journalNumber: 7,
            outcome: 'completed',
            route: 'r',
            provider,
            model,
            stream: true,
            inputTokens: 100,
            outputTokens: 20,
            cachedInputTokens: 30,
            reasoningTokens: 4,
            usageSource: 'provider',
            costNanoUsd: '12',
            chargeNanoUsd: '11',
            holdNanoUsd: hold === null ? null : String(hold),
            accounts: [
              { accountId: key, capNanoUsd: '5', kind: null, cycle: null },
              { accountId: organization, capNanoUsd: null, kind: null, cycle: null },
            ],
            priceVersion: 'v "1"',
            startedAt: '2026-11-20T16:00:00.123Z',
            endedAt: '2026-11-20T16:00:01.000Z',
            clientAddress: 'fe80::1%eth0',
            secretId: 's2',
            textInputTokens: 10,
            audioInputTokens: 0,
            imageInputTokens: 0,
            cachedTextTokens: 30,
            cachedAudioTokens: 0,
            cacheWrite5mTokens: 20,
            cacheWrite1hTokens: 40,
            textOutputTokens: 16,
            audioOutputTokens: 0,
            imageOutputTokens: 0,
            toolCalls: [{ tool: 'web_search', calls: 2 }],
            passes: [{ kind: 'advisor_message', model, ...NONE, textInputTokens: 5, textOutputTokens: 6 }],
            priceLines: expect.arrayContaining([
              {
                class: 'cache_write_5m',
                model: null,
                tool: null,
                quantity: 20,
                nanoUsdPerMillion: '150000000',
                nanoUsd: '3000',
              },
              expect.objectContaining({ class: 'text_output', model, quantity: 6 }),
              expect.objectContaining({ class: 'tool_calls', tool: 'web_search', quantity: 2 }),
            ]),
            tierServed: 'priority',
            speedServed: null,
            inferenceGeo: null,
            modelServed: null,
            statusCode: 200,
            firstByteMs: 1,
            durationMs: null,
            projectId: null,
            memberId: null,
            groupIds: null,
            routeGroupId: null,
          });
          // The final of an orphan is made from its intent.
          expect(intent).toMatchObject({
            inputNanoUsdPerMillion: '150000000',
            outputNanoUsdPerMillion: '600000000',
          });
          expect(Object.keys(orphanFinal(intent, undefined, 7, event.endedAt)).sort()).toEqual(
            Object.keys(event).sort(),
          );
        },
      ),
    );
  });
});

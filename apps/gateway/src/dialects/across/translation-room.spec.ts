import { BodyBudget } from '@tollgate/http';
import { sealedIdsFrom } from '@tollgate/sealing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InjectedFields } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { Routed } from '../../request-path/exchange/exchange.js';
import { OpenRequests, makeRoom } from '../../request-path/open-requests/open-requests.js';
import { speak } from '../../request-path/speak/speak.js';
import type { UpstreamCall } from '../ask.js';
import type { Dialect } from '../dialect.js';
import type { DialectName } from '../dialect-name.js';
import { OPENAI_ERRORS } from '../openai/errors.js';

const MIB = 1_048_576;
/** Up to this size nothing is counted. */
const TINY_BYTES = 4_096;
const counts = (bytes: number): number => (bytes > TINY_BYTES ? bytes : 0);
const messages = { name: 'anthropic-messages', errors: OPENAI_ERRORS } as unknown as Dialect;
const speakToAll = speak(messages, sealedIdsFrom({ pepper: 'the pepper of the test' }));
const targetOf = (name: string, dialect: DialectName): Target =>
  ({
    model: 'gpt-4o',
    price: { maxOutputTokens: 16_384 },
    provider: {
      name,
      dialects: new Set([dialect]),
      injectedFields: new InjectedFields({ ceilingField: 'max_completion_tokens', streamOptions: true }),
    },
  }) as unknown as Target;
const CHAT = targetOf('chat', 'openai-chat');
const RESPONSES = targetOf('responses', 'openai-responses');
const CLAUDE = targetOf('claude', 'anthropic-messages');

/** A request of about so many bytes, whose body is in memory already; undefined if there is no room for it. */
function received(calls: OpenRequests, bytes: number, targets: readonly Target[], apiKeyId = 'k'): Routed | undefined {
  const text = 'x'.repeat(bytes);
  const body = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: text }] }));
  const exchange = {
    key: { snapshot: { apiKeyId, rateLimits: { parallelRequests: null } } },
    openRequest: null,
    ask: { body, model: 'm', inputTokensEstimate: 1, omitted: [] },
    requestId: '0198-aa',
    startedAtMs: 1_000,
    targets,
    translations: null,
  } as unknown as Routed;
  calls.begin(exchange);
  return makeRoom(exchange, body.length) === undefined ? exchange : (calls.end(exchange), undefined);
}
const callOf = (fields: Partial<UpstreamCall> = {}): UpstreamCall => ({
  holdNanoUsd: null,
  injectedMaxTokens: null,
  ceilingLeftOut: false,
  fieldNames: null,
  injected: { ceiling: null, ceilingTokens: null, streamOptions: false },
  ...fields,
});

/** The bytes that the translations of a request keep, besides those that were given up. */
function keptBytes({ ask, translations }: Routed, givenUp: ReadonlySet<Target> = new Set()): number {
  return [...(translations ?? [])]
    .filter(([target]) => !givenUp.has(target))
    .reduce((sum, [target, translation]) => sum + ask.body.length + translation.bodyFor(target, callOf()).length, 0);
}

describe('large translations side by side', () => {
  it('take room beside their bodies: when it is used up, requests wait until others end', () => {
    const calls = new OpenRequests(1_000, new BodyBudget(64 * MIB));
    // The bodies alone would take a third of what one key may have.
    const open = Array.from({ length: 10 }, () => received(calls, MIB, [CHAT])!);
    expect(open.map((exchange) => speakToAll(exchange))).toEqual(Array(10).fill(undefined));
    const refused = received(calls, MIB, [CHAT])!;
    expect(speakToAll(refused)).toMatchObject({
      code: 'rate_limit_exceeded',
      headers: ['retry-after', '1', 'retry-after-ms', '1000'],
    });
    // Large bodies of all keys together fill three quarters.
    const other = received(calls, 6 * MIB, [CHAT], 'another')!;
    expect(speakToAll(other)).toMatchObject({ code: 'server_busy' });
    calls.end(refused);
    calls.end(open.pop()!);
    expect(speakToAll(received(calls, MIB, [CHAT])!)).toBeUndefined();
  });

  it('are passed over where a target of the caller’s own dialect needs none', () => {
    const calls = new OpenRequests(1_000, new BodyBudget(64 * MIB));
    for (let request = 0; request < 31; request++) received(calls, MIB, []);
    const exchange = received(calls, MIB / 2, [CHAT, CLAUDE])!;
    const before = calls.bodyBytes;
    expect([speakToAll(exchange), exchange.targets, calls.bodyBytes]).toEqual([undefined, [CLAUDE], before]);
  });

  it('are refused for good where one is larger than all that a key may have', () => {
    const calls = new OpenRequests(1_000, new BodyBudget(64 * MIB));
    expect(speakToAll(received(calls, 11 * MIB, [CHAT])!)).toMatchObject({ code: 'body_too_large' });
    expect(speakToAll(received(calls, 11 * MIB, [CLAUDE])!)).toBeUndefined();
  });
});

describe('the room of translations', () => {
  const sizes = fc.integer({ min: 1, max: 100_000 });
  const targets = fc.uniqueArray(fc.constantFrom(CHAT, RESPONSES, CLAUDE), { minLength: 1 });

  it('is what they keep, and all of it is given back by each target that is given up and at the end', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(sizes, targets, fc.nat(3)), { maxLength: 8 }), fc.nat(2), (requests, endFirst) => {
        const calls = new OpenRequests(1_000, new BodyBudget(2_000_000));
        const open = requests.flatMap(([bytes, to, tried]) => {
          const exchange = received(calls, bytes, to);
          if (exchange === undefined) return [];
          speakToAll(exchange);
          const givenUp = new Set(to.slice(0, tried));
          for (const target of givenUp) exchange.translations?.get(target)?.free();
          return [{ exchange, givenUp }];
        });
        for (const [at, { exchange }] of open.entries()) if (at % 3 === endFirst) calls.end(exchange);
        const left = open.filter((_, at) => at % 3 !== endFirst);
        const counted = left.reduce(
          (sum, { exchange, givenUp }) => sum + counts(exchange.ask.body.length) + keptBytes(exchange, givenUp),
          0,
        );
        expect(calls.bodyBytes).toBeLessThanOrEqual(counted);
        expect(calls.bodyBytes).toBeGreaterThan(counted - left.length * 3 * TINY_BYTES - 1);
        for (const { exchange } of left) calls.end(exchange);
        expect(calls.bodyBytes).toBe(0);
      }),
    );
  });

  it('is that of one written form, when a provider is asked again under other names', () => {
    const calls = new OpenRequests(1_000, new BodyBudget(64 * MIB));
    const exchange = received(calls, MIB, [CHAT])!;
    speakToAll(exchange);
    const translation = exchange.translations!.get(CHAT)!;
    const usual = translation.bodyFor(CHAT, callOf());
    expect(translation.bodyFor(CHAT, callOf())).toBe(usual);
    translation.bodyFor(CHAT, callOf({ ceilingLeftOut: true }));
    expect(translation.bodyFor(CHAT, callOf())).not.toBe(usual);
  });
});

import { costOf, toolFees, type ModelPrice } from '@tollgate/pricing';
import { reportIn } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../dialects/anthropic-messages/anthropic-messages.js';
import type { Ask } from '../../dialects/ask.js';
import type { Dialect } from '../../dialects/dialect.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { openAiCompletions } from '../../dialects/openai-completions/openai-completions.js';
import { openAiEmbeddings } from '../../dialects/openai-embeddings/openai-embeddings.js';
import { openAiResponses } from '../../dialects/openai-responses/openai-responses.js';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { judgeUsage } from '../usage/judge-usage.js';
import { boundCost } from './cost-bound.js';

const CONTEXT = 20_000;
const CEILING = 100;

/** What a request may be, and what its answer may say that it used. Numbers are parts of the most that it can be. */
interface Case {
  readonly tier: string | null;
  readonly served: string | null;
  readonly uses: number;
  readonly tools: readonly string[];
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

interface Call {
  readonly dialect: Dialect;
  readonly body: object;
  /** The document of the answer that has its usage. */
  readonly document: object;
}

const part = (of: number, most: number): number => Math.floor(of * most);
const tierOf = (tier: string | null) => (tier === null ? {} : { service_tier: tier });
/** The most tokens of a body without tools: a token for each of its bytes. */
const bytesOf = (body: object): number => Buffer.byteLength(JSON.stringify(body));

function responses({ tier, served, uses, tools, input, output, cached }: Case): Call {
  const body = {
    model: 'm',
    input: 'hi',
    max_output_tokens: CEILING,
    ...tierOf(tier),
    ...(tools.length > 0 && { tools: tools.map(declared), max_tool_calls: uses }),
  };
  const tokens = part(input, tools.length > 0 ? (1 + uses) * CONTEXT : bytesOf(body));
  const read = part(cached, tokens);
  // All calls are of one tool, which may be the dearest.
  const items = tools.length === 0 ? [] : Array<object>(uses).fill({ ...ITEM, type: `${tools[0]}_call` });
  return {
    dialect: openAiResponses,
    body,
    document: {
      ...tierOf(served),
      output: items,
      usage: {
        input_tokens: tokens,
        input_tokens_details: { cached_tokens: read, cache_write_tokens: part(cached, tokens - read) },
        output_tokens: part(output, CEILING),
        total_tokens: tokens + part(output, CEILING),
      },
    },
  };
}

const ITEM = { environment: { type: 'container_reference' }, execution: 'server' };

function declared(tool: string): object {
  return { type: tool, ...(tool === 'code_interpreter' && { container: { type: 'auto', memory_limit: '1g' } }) };
}

function messages({ tier, served, uses, tools, input, output, cached }: Case): Call {
  const run = tools.filter((tool) => tool.startsWith('web_'));
  const body = {
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
    max_tokens: CEILING,
    ...tierOf(tier),
    ...(run.length > 0 && {
      tools: run.map((tool) => ({
        type: `${tool}_20260318`,
        name: tool,
        max_uses: uses,
        allowed_callers: ['direct'],
      })),
    }),
  };
  const tokens = part(input, run.length > 0 ? (1 + uses * run.length) * CONTEXT : bytesOf(body));
  const read = part(cached, tokens);
  const written = part(cached, tokens - read);
  return {
    dialect: anthropicMessages,
    body,
    document: {
      usage: {
        input_tokens: tokens - read - written,
        cache_read_input_tokens: read,
        cache_creation_input_tokens: written,
        cache_creation: { ephemeral_1h_input_tokens: part(cached, written) },
        output_tokens: part(output, CEILING),
        ...tierOf(served),
        server_tool_use: Object.fromEntries(run.map((tool) => [`${tool}_requests`, uses])),
      },
    },
  };
}

function chat({ tier, served, uses: n, input, output, cached }: Case): Call {
  const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: CEILING, n, ...tierOf(tier) };
  const prompt = part(input, bytesOf(body));
  const completion = part(output, CEILING * n);
  const details = { cached_tokens: part(cached, prompt), audio_tokens: part(cached, prompt) };
  const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  return {
    dialect: openAiChat,
    body,
    document: { ...tierOf(served), usage: { ...usage, prompt_tokens_details: details } },
  };
}

function completions(each: Case): Call {
  const { tier, served, uses: n, input, output } = each;
  const body = { model: 'm', prompt: ['hi', 'ho'], best_of: n, max_tokens: CEILING, ...tierOf(tier) };
  const prompt = part(input, bytesOf(body));
  const completion = part(output, CEILING * n * 2);
  const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  return { dialect: openAiCompletions, body, document: { ...tierOf(served), usage } };
}

function embeddings({ uses, input, cached }: Case): Call {
  const lists = Array.from({ length: 200 * uses }, () => [1, 2]);
  const body = { model: 'm', input: cached < 0.5 ? 'hi' : lists };
  // A model may add two tokens to each list.
  const prompt = part(input, cached < 0.5 ? bytesOf(body) : lists.length * 4);
  return { dialect: openAiEmbeddings, body, document: { usage: { prompt_tokens: prompt, total_tokens: prompt } } };
}

const perMillion = fc.bigInt(0n, 90_000_000_000n);
const factor = fc.record({ inputThousandths: fc.bigInt(1n, 9_000n), outputThousandths: fc.bigInt(1n, 9_000n) });
const TOOLS = ['web_search', 'web_fetch', 'file_search', 'code_interpreter', 'shell', 'tool_search'];
const anyPrice: fc.Arbitrary<ModelPrice> = fc
  .tuple(perMillion, perMillion, fc.option(perMillion), fc.tuple(factor, factor), factor, fc.array(perMillion))
  .chain(([input, output, cached, [priority, flex], long, [write = 0n, audio = 0n, reasoning = 0n]]) =>
    fc.tuple(...TOOLS.map(() => perMillion)).map((fees) => ({
      inputNanoUsdPerMillion: input,
      outputNanoUsdPerMillion: output,
      cachedInputNanoUsdPerMillion: cached,
      maxOutputTokens: CEILING,
      contextTokens: CONTEXT,
      more: {
        classes: { cacheWrite5m: write, audioInput: audio, reasoning },
        toolCalls: toolFees(Object.fromEntries(TOOLS.map((tool, at) => [tool, fees[at]!]))),
        serviceTiers: new Map([
          ['priority', priority],
          ['flex', flex],
        ]),
        speeds: new Map(),
        inferenceGeos: new Map(),
        longContext: [{ aboveInputTokens: 15_000, ...long }],
      },
    })),
  );
const portion = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    tier: fc.constantFrom(null, 'auto', 'default', 'priority', 'flex'),
    other: fc.constantFrom('default', 'priority', 'flex'),
    uses: fc.integer({ min: 1, max: 4 }),
    tools: fc.subarray(TOOLS),
    input: portion,
    output: portion,
    cached: portion,
  })
  .map(({ tier, other, ...rest }) => {
    // A tier that is named is served, or the usual one instead.
    const isOpen = tier === null || tier === 'auto';
    return { ...rest, tier, served: isOpen ? other : other === 'default' ? 'default' : tier };
  });

describe('the hold of a request', () => {
  it.each([
    ['responses', responses],
    ['messages', messages],
    ['chat', chat],
    ['completions', completions],
    ['embeddings', embeddings],
  ])('covers the charge, whatever the provider reports within what was asked for: %s', (_name, callOf) => {
    fc.assert(
      fc.property(anyPrice, anyCase, (price, each) => {
        const { dialect, body, document } = callOf(each);
        const provider = { injectedFields: { takesCeiling: true }, endAtHold: false, allowFields: new Set<string>() };
        const targets = [{ model: 'm', price, provider }] as unknown as Target[];
        const ask = dialect.read(Buffer.from(JSON.stringify(body))) as Ask;
        const exchange = { ask, route: routeOf('m', targets), targets, translations: null } as unknown as Routed;
        const bound = boundCost(exchange);
        if ('kind' in bound) throw new Error(`refused: ${bound.message}`);
        const counted = { inputTokens: ask.inputTokensEstimate, outputTokens: 0 };
        const { usage } = judgeUsage(reportIn(document), counted, false, ask);
        expect(costOf(price, usage)).toBeLessThanOrEqual(bound.amountNanoUsd);
      }),
      { numRuns: 300 },
    );
  });
});

import { costBound } from '@tollgate/pricing';
import { toolOfType } from '@tollgate/usage';
import { describe, expect, it } from 'vitest';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { anthropicMessages } from '../../dialects/anthropic-messages/anthropic-messages.js';
import { openAiCompletions } from '../../dialects/openai-completions/openai-completions.js';
import { boundCost, type CostBound } from './cost-bound.js';

const price = {
  inputNanoUsdPerMillion: 1_000_000n,
  outputNanoUsdPerMillion: 10_000_000n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
};
const dearer = { ...price, outputNanoUsdPerMillion: 20_000_000n, maxOutputTokens: 100 };
const provider = { injectedFields: { takesCeiling: true }, endAtHold: false, allowFields: new Set<string>() };
const targets = [
  { price, provider },
  { price: dearer, provider },
] as unknown as Target[];

function exchangeOf(fields: object, only = targets.slice(0, 1)): Routed {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields }));
  return {
    ask: openAiChat.read(body),
    route: routeOf('m', only),
    targets: only,
    translations: null,
  } as unknown as Routed;
}
const bound = (fields: object, only?: Target[]) => boundCost(exchangeOf(fields, only));
const bytes = (fields: object): number =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields }).length;

describe('a model without a price', () => {
  const unpriced = { price, provider, unpriced: true } as unknown as Target;
  it('is refused where credit is limited, and passed over where another target has a price', () => {
    expect(bound({ max_tokens: 7 }, [unpriced])).toMatchObject({ kind: 'refusal', code: 'unpriced_model' });
    const exchange = exchangeOf({ max_tokens: 7 }, [unpriced, targets[0]!]);
    expect(boundCost(exchange)).toMatchObject({ outputTokensMax: 7 });
    expect(exchange.targets).toEqual([targets[0]]);
  });
  it('is refused for a recording if it has none for sound', () => {
    const data = Buffer.from('not a recording').toString('base64');
    const heard = {
      messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data, format: 'wav' } }] }],
      max_tokens: 7,
    };
    expect(bound(heard)).toMatchObject({ kind: 'refusal', code: 'unpriced_model' });
    const more = {
      classes: { audioInput: 1n },
      toolCalls: new Map(),
      serviceTiers: new Map(),
      speeds: new Map(),
      inferenceGeos: new Map(),
      longContext: [],
    };
    const hearing = { price: { ...price, contextTokens: 10, more }, provider, model: 'm' } as unknown as Target;
    expect(bound(heard, [hearing])).toMatchObject({ outputTokensMax: 7 });
  });
  it('is bounded with the mark-up of the key, rounded up', () => {
    const key = { markUpMillionths: 333_333 } as Routed['key'];
    const exchange = { ...exchangeOf({ max_tokens: 7 }), key } as Routed;
    const cost = BigInt(bytes({ max_tokens: 7 }) + 64 + 70);
    const whole = (cost * 1_333_333n + 999_999n) / 1_000_000n;
    expect(boundCost(exchange)).toMatchObject({ amountNanoUsd: whole });
  });
});

describe('the bound of a request’s cost', () => {
  it('is its bytes and the template as input, and the ceiling it names as output', () => {
    expect(bound({ max_tokens: 7 })).toEqual({
      amountNanoUsd: BigInt(bytes({ max_tokens: 7 }) + 64 + 70),
      outputTokensMax: 7,
      injectedMaxTokens: null,
    });
  });
  it('takes the larger of both names of the ceiling, times the choices', () => {
    const fields = { max_tokens: 7, max_completion_tokens: 9, n: 3 };
    expect(bound(fields)).toMatchObject({ amountNanoUsd: BigInt(bytes(fields) + 64 + 270) });
  });
  it('takes the model’s ceiling, and puts it into the body, where none is named', () => {
    expect(bound({})).toEqual({
      amountNanoUsd: BigInt(bytes({}) + 64 + 5_000),
      outputTokensMax: 500,
      injectedMaxTokens: 500,
    });
    expect(bound({ max_tokens: null })).toMatchObject({ injectedMaxTokens: 500 });
  });
  it('is none where no provider takes a ceiling, unless its streams are ended at their hold', () => {
    const none = {
      price,
      provider: { injectedFields: { takesCeiling: false }, endAtHold: false },
    } as unknown as Target;
    const ended = {
      price,
      provider: { injectedFields: { takesCeiling: false }, endAtHold: true },
    } as unknown as Target;
    expect(bound({ max_tokens: 10 }, [none])).toMatchObject({ code: 'unbounded_cost' });
    expect(bound({ max_tokens: 10, stream: true }, [none, ended])).toMatchObject({ outputTokensMax: 10 });
    // A plain reply cannot be ended at its hold.
    expect(bound({ max_tokens: 10 }, [none, ended])).toMatchObject({ code: 'unbounded_cost' });
  });
  it('believes in a ceiling of 0 only where the provider is known to keep it', () => {
    const at = (more: object): Target => ({ price, provider: { ...provider, ...more } }) as unknown as Target;
    const keeps = at({ endsAtZero: true });
    const allowed = at({ allowFields: new Set(['max_tokens']) });
    const asks = [
      openAiCompletions.read(Buffer.from('{"model":"m","prompt":"a","echo":true,"max_tokens":0}')),
      openAiCompletions.read(Buffer.from('{"model":"m","prompt":"a","n":3,"max_tokens":0.0}')),
      anthropicMessages.read(Buffer.from('{"model":"m","messages":[],"max_tokens":0}')),
      anthropicMessages.read(Buffer.from('{"model":"m","messages":[],"max_tokens":0e5}')),
    ];
    for (const ask of asks) {
      const zero = (only: readonly Target[]): Routed =>
        ({ ask, route: routeOf('m', only), targets: only, translations: null }) as unknown as Routed;
      expect(boundCost(zero([at({}), at({ endAtHold: true })]))).toMatchObject({
        code: 'unbounded_cost',
        param: 'max_tokens',
      });
      for (const good of [keeps, allowed]) {
        const mixed = zero([at({}), good]);
        expect(boundCost(mixed)).toMatchObject({ outputTokensMax: 0, injectedMaxTokens: null });
        expect(mixed.targets).toEqual([good]);
      }
    }
  });
  it('takes the dearest price of all targets', () => {
    const both = bound({ max_tokens: 10 }, targets) as CostBound;
    expect(both.amountNanoUsd).toBe(BigInt(bytes({ max_tokens: 10 }) + 64 + 200));
  });
  it('holds for an image what its model can count, beside the bytes of the text', () => {
    const image = (url: string, detail?: string) => ({
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url, detail } }] }],
    });
    const asked = image('https://example.com/a.png', 'low');
    const [first] = targets as [Target];
    const target = { ...first, model: 'gpt-4o', price: { ...price, contextTokens: 128_000 } } as Target;
    expect(bound(asked, [target])).toMatchObject({
      amountNanoUsd: BigInt(bytes(asked) - 'https://example.com/a.png'.length + 64 + 85 + 5_000),
    });
    // The bytes of the image count for nothing.
    const data = image(`data:image/png;base64,${'A'.repeat(100_000)}`);
    expect(bound(data, [target])).toMatchObject({
      amountNanoUsd: BigInt(bytes(data) - 'data:image/png;base64,'.length - 100_000 + 64 + 1_445 + 5_000),
    });
    // A family that nobody knows can read its whole context.
    expect(bound(asked, [{ ...target, model: 'other' } as Target])).toMatchObject({ amountNanoUsd: 133_000n });
  });
  it('refuses speech, searches and dearer tiers, naming the field', () => {
    const asked: readonly (readonly [object, string])[] = [
      [{ audio: { voice: 'alloy', format: 'wav' } }, 'audio'],
      [{ modalities: ['text', 'audio'] }, 'modalities'],
      [{ web_search_options: {} }, 'web_search_options'],
      [{ service_tier: 'priority' }, 'service_tier'],
      [{ messages: [{ role: 'assistant', audio: 'audio_1' }] }, 'messages'],
    ];
    for (const [fields, param] of asked)
      expect(bound(fields), param).toMatchObject({
        code: 'unbounded_cost',
        param: param.replace('messages', 'messages[0]'),
      });
    expect(
      bound({ modalities: ['text'], service_tier: 'default', audio: null, web_search_options: null }),
    ).toHaveProperty('amountNanoUsd');
  });
  const tiers = {
    ...price,
    more: {
      classes: { cacheWrite5m: 2_000_000n },
      toolCalls: new Map([['web_search', 10_000_000_000n]]),
      serviceTiers: new Map([['priority', { inputThousandths: 3_000n, outputThousandths: 3_000n }]]),
      speeds: new Map(),
      inferenceGeos: new Map(),
      longContext: [],
    },
  };
  it('holds for a tier what it costs, for input the dearest class, and refuses a tier without a price', () => {
    const priced = [{ price: tiers, provider }] as unknown as Target[];
    const amountOf = (tier: unknown) => {
      const fields = { max_tokens: 7, service_tier: tier };
      return (bound(fields, priced) as CostBound).amountNanoUsd - BigInt(2 * (bytes(fields) + 64) + 70);
    };
    expect(['default', 'flex', 'scale'].map(amountOf)).toEqual([0n, 0n, 0n]);
    // Left to the provider, a call may be served by the dearest.
    const dearest = ['priority', 'fast', 'auto', null].map((tier) => {
      const fields = { max_tokens: 7, service_tier: tier };
      return (bound(fields, priced) as CostBound).amountNanoUsd === BigInt(3 * (2 * (bytes(fields) + 64) + 70));
    });
    expect(dearest).toEqual([true, true, true, true]);
    for (const tier of ['mega', 3, {}])
      expect(bound({ service_tier: tier }, priced)).toMatchObject({ code: 'unbounded_cost', param: 'service_tier' });
    const allowing = { ...provider, allowFields: new Set(['service_tier']) };
    expect(bound({ service_tier: 'mega' }, [{ price, provider: allowing }] as unknown as Target[])).toHaveProperty(
      'amountNanoUsd',
    );
    // A target that has no price for it is left out, and the others stay.
    const both = [{ price, provider }, priced[0]] as Target[];
    const exchange = {
      ask: openAiChat.read(Buffer.from('{"model":"m","messages":[],"service_tier":"priority"}')),
      route: routeOf('m', both),
      targets: both,
      translations: null,
    } as unknown as Routed;
    expect(boundCost(exchange)).toHaveProperty('amountNanoUsd');
    expect(exchange.targets).toEqual(priced);
  });
  it('holds the fees of the tools that the provider may run, and refuses one without a price', () => {
    const limits = (...types: string[]) => ({
      contentTokensMax: 0,
      media: [],
      ceiling: 1,
      choices: 1,
      contextReads: 1,
      providerTools: [{ names: types.map(toolOfType), callsMax: 5 }],
    });
    const only = [{ price: { ...tiers, contextTokens: 100 }, provider }] as unknown as Target[];
    const boundFor = (...types: string[]) => {
      const ask = { limits: () => limits(...types), others: [], stream: false };
      return boundCost({ ask, route: routeOf('m', only), targets: only, translations: null } as unknown as Routed);
    };
    expect(boundFor('web_search_20250305')).toMatchObject({ amountNanoUsd: 5n * 10_000_000n + 630n });
    expect(boundFor('web_search_preview_2025_03_11', 'file_search')).toMatchObject({
      code: 'unbounded_cost',
      param: 'tools',
    });
    // Pages that Anthropic fetches have no fee but their tokens.
    expect(boundFor('web_fetch_20250910')).toMatchObject({ amountNanoUsd: 630n });
  });
  it('refuses each thing without a price unless that very thing is allowed', () => {
    const fields = { model: 'm', messages: [], max_tokens: 1, service_tier: 'mega', speed: 'fast' };
    const refusedFor = (...allowed: string[]) => {
      const only = [{ price, provider: { ...provider, allowFields: new Set(allowed) } }] as unknown as Target[];
      const ask = anthropicMessages.read(Buffer.from(JSON.stringify(fields)));
      return boundCost({ ask, route: routeOf('m', only), targets: only, translations: null } as unknown as Routed);
    };
    expect(refusedFor()).toMatchObject({ code: 'unbounded_cost', param: 'service_tier' });
    expect(refusedFor('service_tier')).toMatchObject({ code: 'unbounded_cost', param: 'speed' });
    expect(refusedFor('service_tier', 'speed')).toHaveProperty('amountNanoUsd');
  });
  it('holds the fee of one search where a chat may search, and the context that it reads then', () => {
    const allowing = { ...provider, allowFields: new Set(['web_search_options']) };
    const [searching] = [{ price: { ...tiers, contextTokens: 1_000 }, provider: allowing }] as unknown as Target[];
    const held = (bound({ max_tokens: 1, web_search_options: {} }, [searching!]) as CostBound).amountNanoUsd;
    // Left to the provider, the dearest tier may serve it.
    expect(held).toBe(10_000_000n + 3n * (2n * 2_000n + 10n));
  });
  it('is so many contexts of the model that reads most, where the model may read more than the content', () => {
    const limits = { contentTokensMax: 10, media: [], ceiling: 100, choices: 1, contextReads: 3 };
    const small = { ...price, contextTokens: 1_000 };
    const large = { ...price, contextTokens: 8_000 };
    const only = [small, large].map((each) => ({ price: each, provider })) as unknown as Target[];
    const ask = { limits: () => limits, others: [], stream: false };
    expect(
      boundCost({ ask, route: routeOf('m', only), targets: only, translations: null } as unknown as Routed),
    ).toMatchObject({
      amountNanoUsd: costBound([large], 24_000, 100),
    });
  });
  describe('of a model that searches on its own', () => {
    const at = (searching: string, more: object = {}, fields: readonly string[] = []): Target =>
      ({
        model: 'sonar',
        searching,
        price: { ...price, contextTokens: 1_000, ...more },
        provider: { ...provider, allowFields: new Set(fields) },
      }) as unknown as Target;
    const fee = { more: { ...tiers.more, serviceTiers: new Map() } };
    it('is its whole context and the fee of a search', () => {
      expect(bound({ max_tokens: 7 }, [at('once', fee)])).toMatchObject({ amountNanoUsd: 10_000_000n + 2_070n });
      // Beside another model the dearer one counts.
      expect(bound({ max_tokens: 7 }, [targets[0]!, at('once', fee)])).toMatchObject({
        amountNanoUsd: 10_000_000n + 2_070n,
      });
    });
    it('is none where a search has no fee, or where it searches as often as it likes', () => {
      expect(bound({ max_tokens: 7 }, [at('once')])).toMatchObject({ code: 'unbounded_cost', param: 'model' });
      expect(bound({ max_tokens: 7 }, [at('freely', fee)])).toMatchObject({ code: 'unbounded_cost', param: 'model' });
      for (const searching of ['once', 'freely'])
        expect(bound({ max_tokens: 7 }, [at(searching, {}, ['model'])])).toMatchObject({ amountNanoUsd: 1_070n });
      const free = { more: { ...fee.more, toolCalls: new Map([['web_search', 0n]]) } };
      expect(bound({ max_tokens: 7 }, [at('once', free)])).toMatchObject({ amountNanoUsd: 2_070n });
    });
    it('is that of the tools that a research model of Responses is given', () => {
      const limits = { contentTokensMax: 10, media: [], ceiling: 7, choices: 1, contextReads: 3 };
      const ask = { limits: () => limits, others: [], stream: false };
      const only = [at('freely', fee)];
      const exchange = { ask, route: routeOf('m', only), targets: only, translations: null } as unknown as Routed;
      expect(boundCost(exchange)).toMatchObject({ amountNanoUsd: 10_000_000n + 6_070n });
    });
  });
  it('takes text that talks of images for text', () => {
    expect(bound({ messages: [{ role: 'user', content: 'what is "image_url"? caf\u00e9 \u0001' }] })).toHaveProperty(
      'amountNanoUsd',
    );
    expect(bound({ messages: [{ role: 'user', content: [{ type: 'text', text: 'file' }] }] })).toHaveProperty(
      'amountNanoUsd',
    );
  });

  const message = (fields: object) => ({ messages: [{ role: 'user', content: 'hi' }, fields] });
  const part = (...content: unknown[]) => message({ role: 'user', content });
  it.each<[string, object]>([
    ...[
      'audio_url',
      'image_embeds',
      'video',
      'document_url',
      'document',
      'media',
      'inline_data',
      'image_file',
      'pdf',
      'image',
      'file',
      'input_text',
      'tool_result',
    ].map((type): [string, object] => [`a part ${JSON.stringify(type)}`, part({ type, [type]: 'x' })]),
    ['a part whose type ends in a NUL', part({ type: 'text\u0000', text: 'x' })],
    ['a part in capitals', part({ type: 'TEXT', text: 'a' })],
    ['a part whose type is no text', part({ type: ['text'] })],
    ['a part with a type of null', part({ type: null, text: 'a' })],
    ['a part of text that holds more', part({ type: 'text', text: 'a', image: 'https://a.example/' })],
    ['text that is a list', part({ type: 'text', text: [{ type: 'image_url' }] })],
    ['text that is a number', part({ type: 'text', text: 7 })],
    ['a part in a list in a list', part([{ type: 'text', text: 'a' }])],
    ['a part that is text', part('https://a.example/cat.png')],
    ['a part that is null', part(null)],
    ['content that is one part', message({ content: { type: 'text', text: 'a' } })],
    ['content that is a number', message({ content: 7 })],
    ['images of a message', message({ content: 'a', images: ['x'] })],
    ['attachments of a message', message({ attachments: [{}] })],
    ['a field of a message that nobody knows', message({ x: 1 })],
    ['speech of a message', message({ audio: { data: 'a' } })],
    ['notes of a file that was read', message({ annotations: [{ type: 'file' }] })],
    ['messages that are an object', { messages: { a: { content: [] } } }],
    ['messages that are text', { messages: 'hi' }],
    ['a message in a list', { messages: [[{ role: 'user', content: 'a' }]] }],
    ['a message that is text', { messages: ['hi'] }],
  ])('is none for what is not certainly text: %s', (_what, fields) =>
    expect(bound(fields)).toMatchObject({
      kind: 'refusal',
      code: 'unbounded_cost',
      param: expect.stringMatching(/^messages/),
    }),
  );

  it.each<[string, object]>([
    [
      'parts of text',
      part({ type: 'text', text: 'a' }, { text: 'b', type: 'text', cache_control: { type: 'ephemeral' } }),
    ],
    ['a refusal', message({ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }], refusal: null })],
    [
      'calls of tools',
      message({
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'image_url', arguments: '{"type":"image_url"}' } }],
      }),
    ],
    ['the answer of a tool', message({ role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: '7' }] })],
    [
      'an answer sent back',
      message({
        role: 'assistant',
        content: 'a',
        refusal: null,
        annotations: [],
        audio: null,
        function_call: null,
        tool_calls: null,
        reasoning_content: 'b',
      }),
    ],
    ['no parts', part()],
    ['no messages', { messages: [] }],
    ['a message without content', message({ role: 'user', name: 'a' })],
  ])('is the bytes of what is text: %s', (_what, fields) => expect(bound(fields)).toHaveProperty('amountNanoUsd'));

  it.each<[string, unknown]>([
    ['prediction', { type: 'content', content: 'a' }],
    ['plugins', [{ id: 'web' }]],
    ['search_parameters', {}],
    ['enable_search', true],
    ['thinking', { type: 'enabled', budget_tokens: 9_000 }],
    ['reasoning', { max_tokens: 9_000 }],
    ['best_of', 20],
    ['max_output_tokens', 9_000],
    ['options', { num_predict: 9_000 }],
    ['speed', 'fast'],
    ['audio', {}],
    ['chat_template', '{% for i in range(9999) %}a{% endfor %}'],
    ['modalities', ['text', 'image']],
    ['modalities', Array(200).fill('text')],
    ['service_tier', 'priority'],
    ['enable_thinking', true],
    ['a_field_of_tomorrow', 1],
    ['Temperature', 1],
    ['Prompt_cache_key', 'a'],
    ['tools', [{ type: 'web_search' }]],
    ['tools', [{ type: 'function', function: { name: 'f' } }, { type: 'web_search_preview' }]],
    ['tools', [{ googleSearch: {} }]],
    ['tools', [{ function: { name: 'f' } }]],
    ['tools', ['web_search']],
    ['tools', { type: 'function' }],
    ['tools', [{ type: 'function', function: {}, web_search: {} }]],
    ['tools', [[{ type: 'function' }]]],
    ['tools', 'auto'],
    ['tools', [{ type: 'builtin_function', function: { name: '$web_search' } }]],
    ['tools', [{ type: ['function'] }]],
  ])(
    'is none for a field that asks for more than text, or that nobody knows, unless the provider may be sent it: %s %j',
    (name, value) => {
      const allowing = { price: dearer, provider: { ...provider, allowFields: new Set([name]) } } as unknown as Target;
      expect(bound({ [name]: value })).toMatchObject({ kind: 'refusal', code: 'unbounded_cost', param: name });
      expect(bound({ [name]: value }, [allowing])).toHaveProperty('amountNanoUsd');
      expect(bound({ [name]: null })).toHaveProperty('amountNanoUsd');
    },
  );
  it('is none where each of two fields is allowed by another provider', () => {
    const allowing = (...names: string[]) =>
      ({ price, provider: { ...provider, allowFields: new Set(names) } }) as unknown as Target;
    expect(bound({ thinking: {}, speed: 'fast' }, [allowing('thinking'), allowing('speed')])).toMatchObject({
      code: 'unbounded_cost',
      param: 'speed',
    });
    expect(
      bound({ thinking: {}, speed: 'fast' }, [allowing('thinking'), allowing('speed', 'thinking')]),
    ).toHaveProperty('amountNanoUsd');
  });
  it.each<[string, unknown]>([
    ['a template', { chat_template: '{{ messages }}' }],
    ['a template beside switches', { enable_thinking: false, chat_template: 'x' }],
    ['a template of tools', { tool_use_template: 'x' }],
    ['a template in capitals', { Chat_Template: 'x' }],
    ['documents', { documents: [] }],
    ['tools', { tools: 'x' }],
    ['other messages', { conversation: 'x' }],
    ['a length', { max_length: 9_000 }],
    ['a special token, which stands once for each message', { eos_token: 'x' }],
    ['another special token', { BOS_token: 'x' }],
    ['special tokens', { additional_special_tokens: 'x' }],
    ['a text for what may be written out often', { date_string: 'x' }],
    ['a long word', { reasoning_effort: 'x'.repeat(17) }],
    ['padding', { padding: 'max_length' }],
    ['a list', { x: [1] }],
    ['an object', { x: { y: 1 } }],
    ['a text', { x: 'x'.repeat(65) }],
    ['more than switches take', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x${i}`, true]))],
    ['no object', [{ enable_thinking: true }]],
    ['a text itself', 'x'],
  ])('is none for what is handed to a chat template unless they are switches: %s', (_what, settings) => {
    for (const name of ['chat_template_kwargs', 'chat_template_args'])
      expect(bound({ [name]: settings })).toMatchObject({ code: 'unbounded_cost', param: name });
  });
  it('knows the switches of chat templates', () => {
    const switches = {
      enable_thinking: true,
      thinking: false,
      reasoning_effort: 'high',
      thinking_budget: 100,
      add_generation_prompt: true,
      preserve_thinking: null,
    };
    for (const name of ['chat_template_kwargs', 'chat_template_args'])
      expect(bound({ [name]: switches })).toHaveProperty('amountNanoUsd');
  });
  it('takes what clients send', () => {
    const sent = {
      temperature: 0.7,
      top_p: 1,
      top_k: 40,
      min_p: 0.1,
      seed: 7,
      stop: ['a'],
      logit_bias: { 50256: -100 },
      presence_penalty: 0,
      frequency_penalty: 0,
      repetition_penalty: 1.1,
      logprobs: true,
      top_logprobs: 2,
      tools: [
        {
          type: 'function',
          function: {
            name: 'f',
            description: 'd',
            strict: true,
            parameters: { type: 'object', properties: { type: { type: 'string' } } },
          },
        },
        { type: 'custom', custom: { name: 'g' } },
      ],
      tool_choice: 'auto',
      parallel_tool_calls: false,
      functions: [{ name: 'f' }],
      function_call: 'none',
      response_format: { type: 'json_schema', json_schema: {} },
      reasoning_effort: 'high',
      verbosity: 'low',
      user: 'u',
      metadata: { a: 'b' },
      store: true,
      safety_identifier: 'u',
      prompt_cache_key: 'k',
      prompt_cache_retention: '24h',
      service_tier: 'flex',
      modalities: ['text'],
      stream: true,
      stream_options: { include_usage: true },
      guided_json: {},
      guided_regex: 'a',
      chat_template_kwargs: { enable_thinking: false },
      min_tokens: 1,
      ignore_eos: false,
      skip_special_tokens: true,
      transforms: ['middle-out'],
      safe_prompt: true,
      random_seed: 1,
      session_id: 's',
      enable_thinking: false,
    };
    expect(bound(sent)).toHaveProperty('amountNanoUsd');
    expect(bound({ ...sent, tools: [] })).toHaveProperty('amountNanoUsd');
  });
});

describe('the bound of tools that providers run', () => {
  const tool = { type: 'web_search_20250305', name: 'web_search', max_uses: 8 };
  const body = Buffer.from(
    JSON.stringify({ model: 'm', max_tokens: 7, messages: [{ role: 'user', content: 'hi' }], tools: [tool] }),
  );
  const [first, second] = targets.map((each) => ({ ...each, price: { ...each.price, contextTokens: 1_000 } })) as [
    Target,
    Target,
  ];
  const boundAt = (reached: readonly Target[], translated: readonly Target[]) => {
    const exchange = {
      ask: anthropicMessages.read(body),
      route: routeOf('m', reached),
      targets: reached,
      translations: new Map(translated.map((target) => [target, { inputBound: body.length }])),
    } as unknown as Routed;
    return { bound: boundCost(exchange), exchange };
  };

  it('is not needed where a translation leaves them out: their fees and what they read stay away', () => {
    const { bound: found } = boundAt([first], [first]);
    expect((found as CostBound).amountNanoUsd).toBeLessThan(BigInt(body.length) + 5_000n);
  });
  it('is needed wherever they reach a provider; what is left are the targets that they do not reach', () => {
    expect(boundAt([first], []).bound).toMatchObject({ code: 'unbounded_cost', param: 'tools' });
    expect(boundAt([first, second], [second]).exchange.targets).toEqual([second]);
  });
});

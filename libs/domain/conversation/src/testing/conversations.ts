import fc from 'fast-check';
import type { Conversation, OutputFormat, Tool, ToolChoice } from '../conversation.js';
import type { ConversationDialect, Feature } from '../dialect-codec.js';
import { FEATURES } from '../features.js';
import { turns, type CarriedTurns } from './turns.js';
import { names, objects, words } from './words.js';

type Settings = { readonly [Name in keyof Conversation]: fc.Arbitrary<Conversation[Name]> };
type Dialect = Exclude<ConversationDialect, 'inference'>;

/**
 * Conversations that a dialect carries: a feature that its row of FEATURES lacks is absent. `carried` says what its
 * turns can say; `narrowed` replaces what a setting may be, where a dialect takes fewer values of it.
 */
export function conversations(
  dialect: Dialect,
  carried: CarriedTurns,
  narrowed: Partial<Settings> = {},
): fc.Arbitrary<Conversation> {
  const settings: Settings = { ...settingsOf(dialect, carried), ...narrowed };
  return fc.record(settings).chain((conversation) =>
    narrowed.toolChoice !== undefined || FEATURES.tool_choice[dialect] === null
      ? fc.constant(conversation)
      : choices(conversation.tools).map((toolChoice) => ({
          ...conversation,
          toolChoice,
          parallelToolCalls: conversation.tools.length === 0 ? null : conversation.parallelToolCalls,
        })),
  );
}

function settingsOf(dialect: Dialect, carried: CarriedTurns): Settings {
  const has = (feature: Feature): boolean => FEATURES[feature][dialect] !== null;
  const optional = <Value>(feature: Feature, value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
    has(feature) ? fc.option(value, { nil: null }) : fc.constant(null);
  return {
    turns: turns({ ...carried, customTools: carried.customTools && has('custom_tools') }),
    tools: tools({ ...carried, customTools: carried.customTools && has('custom_tools') }),
    toolChoice: fc.constant(null),
    parallelToolCalls: optional('parallel_tool_calls', fc.boolean()),
    format: formats(has('json_object'), has('json_schema')),
    outputTokensMax: optional('output_tokens_max', fc.integer({ min: 1, max: 32_000 })),
    stop: has('stop') ? fc.uniqueArray(words, { maxLength: 4 }) : fc.constant([]),
    temperature: optional('temperature', fc.constantFrom(0, 0.25, 1)),
    topP: optional('top_p', fc.constantFrom(0.1, 0.5, 0.9)),
    topK: optional('top_k', fc.integer({ min: 1, max: 100 })),
    frequencyPenalty: optional('frequency_penalty', fc.constantFrom(-1, 0.5, 2)),
    presencePenalty: optional('presence_penalty', fc.constantFrom(-1, 0.5, 2)),
    seed: optional('seed', fc.integer()),
    logitBias: optional('logit_bias', fc.constantFrom<Record<string, number>>({ '50256': -100 }, { '1': 5, '2': 0 })),
    topLogprobs: optional('logprobs', fc.integer({ min: 0, max: 20 })),
    reasoning: optional(
      'reasoning',
      fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh').map((effort) => ({
        effort,
        budgetTokens: null,
        summary: null,
      })),
    ),
    verbosity: optional('verbosity', fc.constantFrom('low' as const, 'medium' as const, 'high' as const)),
    user: optional('user', names),
    metadata: optional('metadata', fc.dictionary(names, words, { maxKeys: 3, noNullPrototype: true })),
    promptCacheKey: optional('prompt_cache_key', names),
    serviceTier: optional('service_tier', fc.constantFrom('auto', 'default', 'flex', 'priority')),
    stream: fc.boolean(),
  };
}

const NO_PARAMETERS = { type: 'object', properties: {}, additionalProperties: false };
/** Schemas that OpenAI takes as strict ones too. */
const schemas = objects.map((extra) => ({ ...NO_PARAMETERS, title: JSON.stringify(extra) }));

function tools(carried: CarriedTurns): fc.Arbitrary<readonly Tool[]> {
  const description = fc.option(words, { nil: null });
  const schema = fc.option(schemas, { nil: null });
  const functions: fc.Arbitrary<Tool> = fc.record({
    kind: fc.constant('function' as const),
    name: names,
    description,
    parameters: schema.map((value) => value ?? NO_PARAMETERS),
    strict: fc.constantFrom(null, true, false),
  });
  const customs: fc.Arbitrary<Tool> = fc.record({
    kind: fc.constant('custom' as const),
    name: names,
    description,
    format: fc.constantFrom(null, { type: 'text' }, { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }),
  });
  return fc.uniqueArray(carried.customTools ? fc.oneof(functions, customs) : functions, {
    maxLength: 3,
    selector: ({ name }) => name,
  });
}

function choices(declared: readonly Tool[]): fc.Arbitrary<ToolChoice | null> {
  if (declared.length === 0) return fc.constant(null);
  return fc.oneof(
    fc.constantFrom<ToolChoice | null>(null, { kind: 'auto' }, { kind: 'none' }, { kind: 'required' }),
    fc.constantFrom(...declared).map(({ name }): ToolChoice => ({ kind: 'tool', name })),
  );
}

function formats(object: boolean, schema: boolean): fc.Arbitrary<OutputFormat | null> {
  const all: fc.Arbitrary<OutputFormat | null>[] = [fc.constant(null)];
  if (object) all.push(fc.constant({ kind: 'json_object' }));
  if (schema)
    all.push(
      fc.record({
        kind: fc.constant('json_schema' as const),
        name: names,
        description: fc.option(words, { nil: null }),
        schema: schemas,
        strict: fc.constantFrom(null, true, false),
      }),
    );
  return fc.oneof(...all);
}

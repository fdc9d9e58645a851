import type { Conversation, Tool, UserPart } from '../conversation.js';
import type { Feature } from '../dialect-codec.js';

const TEXT: UserPart = { kind: 'text', text: 'Hello.' };

/** A request that says hello and sets nothing. */
const HELLO: Conversation = {
  turns: [{ role: 'user', parts: [TEXT] }],
  tools: [],
  toolChoice: null,
  parallelToolCalls: null,
  format: null,
  outputTokensMax: null,
  stop: [],
  temperature: null,
  topP: null,
  topK: null,
  frequencyPenalty: null,
  presencePenalty: null,
  seed: null,
  logitBias: null,
  topLogprobs: null,
  reasoning: null,
  verbosity: null,
  user: null,
  metadata: null,
  promptCacheKey: null,
  serviceTier: null,
  stream: false,
};

const FUNCTION: Tool = { kind: 'function', name: 'f', description: null, parameters: null, strict: null };
const CUSTOM: Tool = { kind: 'custom', name: 'c', description: null, format: null };
const BUILTIN: Tool = { kind: 'builtin', type: 'some_search', name: 'some_search', definition: {} };
const SCHEMA = { type: 'object', properties: {}, additionalProperties: false };

const said = (...parts: readonly UserPart[]): Partial<Conversation> => ({
  turns: [{ role: 'user', parts: [TEXT, ...parts] }],
});
const png = { kind: 'data' as const, mediaType: 'image/png', base64: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB' };
const pdf = { kind: 'data' as const, mediaType: 'application/pdf', base64: 'JVBERi0xLjQK' };

/** What each feature adds to such a request. `choices` is missing: no dialect but chat can ask for several. */
const ADDED: Readonly<Record<Exclude<Feature, 'choices'>, Partial<Conversation>>> = {
  system: { turns: [{ role: 'system', parts: [{ kind: 'text', text: 'Be brief.' }] }, ...HELLO.turns] },
  turns: {},
  images: said({ kind: 'image', source: png, detail: null }),
  documents: said({ kind: 'document', source: pdf, name: 'a.pdf', citations: false }),
  audio: said({ kind: 'audio', format: 'wav', base64: 'UklGRg==' }),
  tools: { tools: [FUNCTION] },
  custom_tools: { tools: [CUSTOM] },
  builtin_tools: { tools: [BUILTIN] },
  tool_choice: { tools: [FUNCTION], toolChoice: { kind: 'required' } },
  parallel_tool_calls: { tools: [FUNCTION], parallelToolCalls: false },
  json_object: { format: { kind: 'json_object' } },
  json_schema: { format: { kind: 'json_schema', name: 'a', description: null, schema: SCHEMA, strict: true } },
  output_tokens_max: { outputTokensMax: 4_000 },
  stop: { stop: ['END'] },
  temperature: { temperature: 0.5 },
  top_p: { topP: 0.5 },
  top_k: { topK: 5 },
  frequency_penalty: { frequencyPenalty: 0.5 },
  presence_penalty: { presencePenalty: 0.5 },
  seed: { seed: 7 },
  logit_bias: { logitBias: { '1': 5 } },
  logprobs: { topLogprobs: 2 },
  reasoning: { reasoning: { effort: 'high', budgetTokens: null, summary: null } },
  thinking_budget: { outputTokensMax: 4_000, reasoning: { effort: null, budgetTokens: 2_000, summary: null } },
  verbosity: { verbosity: 'low' },
  user: { user: 'u-1' },
  metadata: { metadata: { a: 'b' } },
  prompt_cache_key: { promptCacheKey: 'k' },
  service_tier: { serviceTier: 'default' },
  stream: { stream: true },
};

/** A request that has one feature and little else; null for one that no request of another dialect can have. */
export function requestWith(feature: Feature): Conversation | null {
  return feature === 'choices' ? null : { ...HELLO, ...ADDED[feature] };
}

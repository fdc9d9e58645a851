import type { Conversation, OutputFormat, Reasoning } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { FieldReader } from '../field-reader.js';
import { readNested } from '../nested-fields.js';
import { firstRefused, NOT_CARRIED, REQUEST_FIELDS } from './known-fields.js';
import { readMessages } from './read-messages.js';
import { readToolChoice, readTools } from './read-tools.js';

/** Reads a request of OpenAI's chat: platform.openai.com/docs/api-reference/chat/create, and what others added. */
export function readRequest(body: JsonObject): Conversation | Fault {
  const fields = new FieldReader(body, '');
  const refused = firstRefused(body);
  if (refused !== undefined)
    fields.refuse(refused.field, `${refused.field} cannot be carried to this model. ${refused.why}`);
  fields.only(REQUEST_FIELDS, NOT_CARRIED);
  const declared = readTools(fields);
  const { tools, toolChoice } = readToolChoice(fields, body, declared);
  const conversation: Conversation = {
    turns: readMessages(fields),
    tools,
    toolChoice,
    parallelToolCalls: tools.length === 0 ? null : fields.boolean('parallel_tool_calls'),
    format: readFormat(fields, body),
    stop: readStop(fields, body),
    reasoning: readReasoning(fields, body),
    ...readNumbers(fields),
    ...readSettings(fields),
  };
  return fields.fault ?? conversation;
}

type Numbers =
  | 'outputTokensMax'
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'frequencyPenalty'
  | 'presencePenalty'
  | 'seed'
  | 'logitBias'
  | 'topLogprobs';

function readNumbers(fields: FieldReader): Pick<Conversation, Numbers> {
  return {
    outputTokensMax: smaller(fields.number('max_completion_tokens'), fields.number('max_tokens')),
    temperature: fields.number('temperature'),
    topP: unless(1, fields.number('top_p')),
    topK: null,
    frequencyPenalty: unless(0, fields.number('frequency_penalty')),
    presencePenalty: unless(0, fields.number('presence_penalty')),
    seed: fields.number('seed'),
    logitBias: readLogitBias(fields),
    topLogprobs: readLogprobs(fields),
  };
}

type Settings = 'verbosity' | 'user' | 'metadata' | 'promptCacheKey' | 'serviceTier' | 'stream';

function readSettings(fields: FieldReader): Pick<Conversation, Settings> {
  return {
    verbosity: fields.oneOf('verbosity', ['low', 'medium', 'high'] as const),
    user: fields.text('safety_identifier') ?? fields.text('user'),
    metadata: readMetadata(fields),
    promptCacheKey: fields.text('prompt_cache_key'),
    serviceTier: fields.text('service_tier'),
    stream: fields.boolean('stream') ?? false,
  };
}

/** If a request has both names of the ceiling, the smaller one holds: what the caller may be charged never grows. */
function smaller(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** A value that is the default everywhere says nothing, and is refused by some. */
function unless(usual: number, value: number | null): number | null {
  return value === usual ? null : value;
}

function readStop(fields: FieldReader, { stop }: JsonObject): readonly string[] {
  if (typeof stop === 'string') return stop === '' ? [] : [stop];
  const list = fields.list('stop') ?? [];
  if (!list.every((sequence) => typeof sequence === 'string'))
    fields.refuse('stop', 'stop must be a string or a list of strings.');
  return list.filter((sequence) => typeof sequence === 'string' && sequence !== '') as string[];
}

function readLogitBias(fields: FieldReader): Readonly<Record<string, number>> | null {
  const bias = fields.object('logit_bias');
  if (bias === null || Object.keys(bias).length === 0) return null;
  if (!Object.values(bias).every((value) => typeof value === 'number'))
    fields.refuse('logit_bias', 'logit_bias must be an object of numbers.');
  return bias as Readonly<Record<string, number>>;
}

/** The number of likely tokens beside each; 0 for the token alone. */
function readLogprobs(fields: FieldReader): number | null {
  const top = fields.number('top_logprobs') ?? 0;
  if (fields.boolean('logprobs') === true) return top;
  if (top > 0) fields.refuse('top_logprobs', 'top_logprobs needs logprobs to be true.');
  return null;
}

function readMetadata(fields: FieldReader): Readonly<Record<string, string>> | null {
  const metadata = fields.object('metadata');
  if (metadata !== null && !Object.values(metadata).every((value) => typeof value === 'string'))
    fields.refuse('metadata', 'metadata must be an object of strings.');
  return metadata as Readonly<Record<string, string>> | null;
}

function readFormat(fields: FieldReader, body: JsonObject): OutputFormat | null {
  const value = body['response_format'];
  if (value === undefined || value === null) return null;
  return readNested(fields, 'response_format', value, (format, object) => {
    const type = format.oneOf('type', ['text', 'json_object', 'json_schema'] as const);
    if (type === 'json_object') return { kind: 'json_object' as const };
    if (type === 'json_schema') return readNested(format, 'json_schema', object['json_schema'], readSchema);
    if (type === null) format.refuse('type', 'response_format.type must be text, json_object or json_schema.');
    return null;
  });
}

function readSchema(fields: FieldReader): OutputFormat {
  fields.only(new Set(['name', 'description', 'schema', 'strict']), NOT_CARRIED);
  return {
    kind: 'json_schema',
    name: fields.text('name') ?? 'answer',
    description: fields.text('description'),
    schema: fields.object('schema') ?? { type: 'object' },
    strict: fields.boolean('strict'),
  };
}

/**
 * `reasoning_effort`, or OpenRouter's `reasoning` and `include_reasoning`, or `thinking` of Anthropic's form, which
 * LiteLLM, DeepSeek and others take. To hide thoughts asks for none: without an
 * effort or a budget nothing is said of thinking then.
 */
function readReasoning(fields: FieldReader, body: JsonObject): Reasoning | null {
  const effort = fields.text('reasoning_effort');
  const hidden = fields.boolean('include_reasoning') === false ? 'omitted' : null;
  const value = body['reasoning'];
  const more =
    value === undefined || value === null ? null : readNested(fields, 'reasoning', value, (object) => readMore(object));
  const summary = hidden ?? more?.summary ?? null;
  const thinking = body['thinking'];
  const thought =
    thinking === undefined || thinking === null ? null : readNested(fields, 'thinking', thinking, readThinking);
  const said = {
    effort: effort ?? more?.effort ?? thought?.effort ?? null,
    budgetTokens: more?.budgetTokens ?? thought?.budgetTokens ?? null,
  };
  const isAsked = said.effort !== null || said.budgetTokens !== null;
  return isAsked || (summary !== null && summary !== 'omitted') ? { ...said, summary } : null;
}

/** Without a budget it stands for the effort medium, as `enabled` of `reasoning` does. */
function readThinking(fields: FieldReader): Pick<Reasoning, 'effort' | 'budgetTokens'> {
  fields.only(new Set(['type', 'budget_tokens']), NOT_CARRIED);
  const type = fields.oneOf('type', ['enabled', 'adaptive', 'disabled'] as const);
  const budgetTokens = fields.number('budget_tokens');
  if (type === 'disabled') return { effort: 'none', budgetTokens: null };
  return { effort: type === null || budgetTokens !== null ? null : 'medium', budgetTokens };
}

/** `enabled: true` alone stands for the effort medium: openrouter.ai/docs/use-cases/reasoning-tokens. */
function readMore(fields: FieldReader): Reasoning {
  fields.only(new Set(['effort', 'max_tokens', 'exclude', 'enabled', 'summary']), NOT_CARRIED);
  const enabled = fields.boolean('enabled');
  const [effort, budget] = [fields.text('effort'), fields.number('max_tokens')];
  const usual = enabled === true && budget === null ? 'medium' : null;
  return {
    effort: enabled === false ? 'none' : (effort ?? usual),
    budgetTokens: enabled === false ? null : budget,
    summary: fields.boolean('exclude') === true ? 'omitted' : fields.text('summary'),
  };
}

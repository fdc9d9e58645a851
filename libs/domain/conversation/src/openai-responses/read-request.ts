import type { Conversation, OutputFormat, Reasoning, Turn } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { isFault } from '../fault.js';
import { FieldReader } from '../field-reader.js';
import { itemsOf } from '../fields.js';
import { readInput } from './read-items.js';
import { readToolChoice, readTools, unique } from './read-tools.js';

/** Fields that a conversation carries. */
const CARRIED = [
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'metadata',
  'parallel_tool_calls',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'stream',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'user',
];
/**
 * Fields without which the answer stays the same: where it is kept, how prefixes are cached, when a long conversation
 * is made shorter, how a stream is padded, and what a client says about itself (Codex sends `client_metadata` always).
 */
const HARMLESS = [
  'access_programs',
  'client_metadata',
  'context_management',
  'image',
  'model',
  'prompt_cache_options',
  'prompt_cache_retention',
  'store',
  'stream_options',
];
const KNOWN: ReadonlySet<string> = new Set([...CARRIED, ...HARMLESS]);
/** Values of other fields that ask for what happens anyway. */
const NEUTRAL: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['background', false],
  ['truncation', 'disabled'],
  ['generate', true],
]);
const NOT_CARRIED = "This field cannot be carried to the dialect of the model's provider.";
/** The one value of `include` that is carried. The others add to what tools of OpenAI say, and to sealed thoughts. */
const LOGPROBS = 'message.output_text.logprobs';

const REASONING_FIELDS: ReadonlySet<string> = new Set(['effort', 'summary', 'generate_summary', 'context', 'mode']);
const TEXT_FIELDS: ReadonlySet<string> = new Set(['format', 'verbosity']);
const VERBOSITIES = ['low', 'medium', 'high'] as const;

/** Reads a request of Responses. What names a state that OpenAI keeps is refused: no other provider has it. */
export function readRequest(body: JsonObject): Conversation | Fault {
  const fields = new FieldReader(body, '');
  refuseUnknown(fields, body);
  const settings = readSettings(fields);
  if (fields.fault !== null) return fields.fault;
  const input = readInput(body['input']);
  if (isFault(input)) return input;
  const declared = readTools(body['tools'], 'tools');
  if (isFault(declared)) return declared;
  const chosen = readToolChoice(body['tool_choice'], unique([...declared, ...input.tools]));
  if (isFault(chosen)) return chosen;
  settings.turns = [...instructions(body), ...input.turns];
  settings.tools = chosen.tools;
  settings.toolChoice = chosen.toolChoice;
  if (input.leftOut.length > 0) settings.leftOut = input.leftOut;
  return settings;
}

function refuseUnknown(fields: FieldReader, body: JsonObject): void {
  for (const [name, value] of Object.entries(body)) {
    if (KNOWN.has(name) || value === null || value === undefined) continue;
    if (!NEUTRAL.has(name) || NEUTRAL.get(name) !== value) fields.refuse(name, NOT_CARRIED);
  }
}

function instructions(body: JsonObject): readonly Turn[] {
  const text = body['instructions'];
  return typeof text === 'string' && text !== '' ? [{ role: 'system', parts: [{ kind: 'text', text }] }] : [];
}

/** The conversation without its turns and tools. One literal has all fields: to spread them takes ten times as long. */
function readSettings(fields: FieldReader): { -readonly [Name in keyof Conversation]: Conversation[Name] } {
  fields.text('instructions');
  const text = readText(fields);
  const user = fields.text('user');
  return {
    turns: [],
    tools: [],
    toolChoice: null,
    parallelToolCalls: fields.boolean('parallel_tool_calls'),
    format: text.format,
    outputTokensMax: fields.number('max_output_tokens'),
    stop: [],
    temperature: fields.number('temperature'),
    topP: unless(1, fields.number('top_p')),
    topK: null,
    frequencyPenalty: null,
    presencePenalty: null,
    seed: null,
    logitBias: null,
    topLogprobs: readLogprobs(fields),
    reasoning: readReasoning(fields),
    verbosity: text.verbosity,
    user: fields.text('safety_identifier') ?? user,
    metadata: readMetadata(fields),
    promptCacheKey: fields.text('prompt_cache_key'),
    serviceTier: fields.text('service_tier'),
    stream: fields.boolean('stream') ?? false,
  };
}

/** A value that is the default everywhere says nothing, and some models refuse it. */
function unless(usual: number, value: number | null): number | null {
  return value === usual ? null : value;
}

function readLogprobs(fields: FieldReader): number | null {
  const count = fields.number('top_logprobs');
  const isAsked = itemsOf(fields.list('include')).includes(LOGPROBS);
  return isAsked ? (count ?? 0) : count === 0 ? null : count;
}

function readMetadata(fields: FieldReader): Readonly<Record<string, string>> | null {
  const metadata = fields.object('metadata');
  if (metadata === null) return null;
  if (!Object.values(metadata).every((value) => typeof value === 'string'))
    fields.refuse('metadata', 'Each value of metadata must be a string.');
  return metadata as Readonly<Record<string, string>>;
}

function readReasoning(fields: FieldReader): Reasoning | null {
  const object = fields.object('reasoning');
  if (object === null) return null;
  const reasoning = new FieldReader(object, 'reasoning');
  reasoning.only(REASONING_FIELDS, NOT_CARRIED);
  if ((reasoning.text('mode') ?? 'standard') !== 'standard') reasoning.refuse('mode', NOT_CARRIED);
  const effort = reasoning.text('effort');
  const summary = reasoning.text('summary') ?? reasoning.text('generate_summary');
  fields.fault ??= reasoning.fault;
  return effort === null && summary === null ? null : { effort, budgetTokens: null, summary };
}

function readText(fields: FieldReader): Pick<Conversation, 'format' | 'verbosity'> {
  const object = fields.object('text');
  if (object === null) return { format: null, verbosity: null };
  const text = new FieldReader(object, 'text');
  text.only(TEXT_FIELDS, NOT_CARRIED);
  const verbosity = text.oneOf('verbosity', VERBOSITIES);
  const format = readFormat(text);
  fields.fault ??= text.fault;
  return { format, verbosity };
}

function readFormat(text: FieldReader): OutputFormat | null {
  const object = text.object('format');
  if (object === null) return null;
  const fields = new FieldReader(object, 'text.format');
  const type = fields.oneOf('type', ['text', 'json_object', 'json_schema']);
  const schema = fields.object('schema');
  const description = fields.text('description');
  const strict = fields.boolean('strict');
  const name = fields.text('name');
  if (type === null) fields.refuse('type', 'text.format.type must be text, json_object or json_schema.');
  if (type === 'json_schema' && schema === null) fields.refuse('schema', 'text.format.schema must be a JSON schema.');
  text.fault ??= fields.fault;
  if (type === 'json_object') return { kind: 'json_object' };
  if (type !== 'json_schema' || schema === null) return null;
  return { kind: 'json_schema', name: name ?? 'answer', description, schema, strict };
}

import type { Conversation } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { FieldReader } from '../field-reader.js';

const FIELDS: ReadonlySet<string> = new Set([
  ...['model', 'prompt', 'system', 'max_output_tokens', 'temperature', 'top_p', 'stop', 'user', 'stream'],
]);

/** Reads a request of our own endpoint: one prompt, perhaps with instructions. docs/inference.md says what it takes. */
export function readRequest(body: JsonObject): Conversation | Fault {
  const fields = new FieldReader(body, '');
  fields.only(FIELDS, 'This endpoint has no such field. Use chat/completions, responses or messages for more.');
  const prompt = fields.text('prompt') ?? '';
  if (prompt === '') fields.refuse('prompt', 'prompt must be a string that is not empty.');
  const system = fields.text('system') ?? '';
  const conversation: Conversation = {
    ...NOTHING_SET,
    turns: [
      ...(system === '' ? [] : [{ role: 'system' as const, parts: [{ kind: 'text' as const, text: system }] }]),
      { role: 'user', parts: [{ kind: 'text', text: prompt }] },
    ],
    outputTokensMax: fields.number('max_output_tokens'),
    temperature: fields.number('temperature'),
    topP: fields.number('top_p'),
    stop: readStop(fields, body),
    user: fields.text('user'),
    stream: fields.boolean('stream') ?? false,
  };
  return fields.fault ?? conversation;
}

/** What a request of this endpoint cannot set. */
const NOTHING_SET: Omit<
  Conversation,
  'turns' | 'outputTokensMax' | 'temperature' | 'topP' | 'stop' | 'user' | 'stream'
> = {
  tools: [],
  toolChoice: null,
  parallelToolCalls: null,
  format: null,
  topK: null,
  frequencyPenalty: null,
  presencePenalty: null,
  seed: null,
  logitBias: null,
  topLogprobs: null,
  reasoning: null,
  verbosity: null,
  metadata: null,
  promptCacheKey: null,
  serviceTier: null,
};

function readStop(fields: FieldReader, { stop }: JsonObject): readonly string[] {
  if (typeof stop === 'string') return stop === '' ? [] : [stop];
  const list = fields.list('stop') ?? [];
  if (!list.every((sequence) => typeof sequence === 'string' && sequence !== ''))
    fields.refuse('stop', 'stop must be a string, or a list of strings that are not empty.');
  return list.filter((sequence) => typeof sequence === 'string');
}

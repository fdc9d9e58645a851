import type { Conversation, OutputFormat } from '../conversation.js';
import type { Fault, JsonObject, NameMap, WriteContext, WrittenRequest } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { OPENAI_TOOL_NAMES, OPENAI_USERS, fittingId, toolNamesOf, type ToolNames } from '../names.js';
import { effortFor } from '../openai-effort.js';
import { withoutHints } from '../openai-hints.js';
import { strictFor } from '../openai-schemas.js';
import { orderTurns } from '../turn-order.js';
import { systemFirst } from './system-first.js';
import { writeMessages } from './write-messages.js';
import { writeTools } from './write-tools.js';

/** Writes a request of OpenAI's chat, in the form that compatible servers take too. */
export function writeRequest(conversation: Conversation, context: WriteContext): WrittenRequest | Fault {
  const missing = missingSetting(conversation, context);
  if (missing !== null) return missing;
  const turns = orderTurns(conversation.turns, context.fieldOf('turns'));
  if (isFault(turns)) return turns;
  const names = toolNamesOf(conversation, OPENAI_TOOL_NAMES);
  const leftOut = new Set<string>(conversation.leftOut);
  const said = context.hints === true ? turns : systemFirst(turns);
  const messages = writeMessages(said, { names, customTools: context.customTools === true, context });
  if (isFault(messages)) return messages;
  const tools = writeTools(conversation, names, leftOut, context);
  if (isFault(tools)) return tools;
  const body = {
    model: context.model,
    messages,
    ...tools,
    ...present({
      ...writeNumbers(conversation, context),
      ...writeSettings(withoutHints(conversation, context, leftOut)),
      response_format: writeFormat(conversation.format, context, leftOut),
      reasoning_effort: effortFor(conversation.reasoning, context, leftOut),
    }),
    ...writeStream(conversation, context),
  };
  return { kind: 'written', body, leftOut: [...leftOut], names: withSeal(names, conversation, context) };
}

/**
 * Names with the provider's seal, where the answer can have calls or thoughts: a client that has asked for neither gets
 * no thought that keeps a signature.
 */
function withSeal(names: ToolNames, { tools, reasoning }: Conversation, { seal }: WriteContext): NameMap {
  return seal === undefined || (tools.length === 0 && reasoning === null) ? names : { ...names, seal };
}

/** What cannot be asked for, or not be told in the answer. */
function missingSetting({ topK, topLogprobs }: Conversation, { fieldOf }: WriteContext): Fault | null {
  if (topK !== null) return fault(fieldOf('top_k'), 'The dialect of the model has no such setting.');
  if (topLogprobs === null) return null;
  return fault(fieldOf('logprobs'), 'The probabilities of tokens cannot be brought back from this model.');
}

function writeNumbers(conversation: Conversation, { ceilingField }: WriteContext): JsonObject {
  return {
    ...(ceilingField === 'none' ? {} : { [ceilingField]: conversation.outputTokensMax }),
    temperature: conversation.temperature,
    top_p: conversation.topP,
    frequency_penalty: conversation.frequencyPenalty,
    presence_penalty: conversation.presencePenalty,
    seed: conversation.seed,
    logit_bias: conversation.logitBias,
  };
}

function writeSettings(conversation: Conversation): JsonObject {
  return {
    stop: conversation.stop.length === 0 ? null : conversation.stop,
    verbosity: conversation.verbosity,
    user: conversation.user === null ? null : fittingId(conversation.user, OPENAI_USERS),
    metadata: conversation.metadata,
    prompt_cache_key: conversation.promptCacheKey,
    service_tier: conversation.serviceTier,
  };
}

function writeFormat(format: OutputFormat | null, { fieldOf }: WriteContext, leftOut: Set<string>): JsonObject | null {
  if (format === null) return null;
  if (format.kind === 'json_object') return { type: 'json_object' };
  const { name, description, schema } = format;
  const strict = strictFor({ strict: format.strict, schema, field: fieldOf('json_schema') }, leftOut);
  return { type: 'json_schema', json_schema: { name, schema, ...present({ description, strict }) } };
}

function writeStream({ stream }: Conversation, { streamOptions }: WriteContext): JsonObject {
  if (!stream) return {};
  return { stream: true, ...(streamOptions ? { stream_options: { include_usage: true } } : {}) };
}

/** The fields that are not null. */
function present(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

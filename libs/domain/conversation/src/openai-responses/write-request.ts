import type { Conversation, OutputFormat, Tool, ToolChoice, Turn } from '../conversation.js';
import type { Fault, Feature, JsonObject, WriteContext, WrittenRequest } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import {
  callIds,
  OPENAI_RESPONSES_CALL_IDS,
  OPENAI_TOOL_NAMES,
  OPENAI_USERS,
  fittingId,
  toolNamesOf,
  type ToolNames,
} from '../names.js';
import { effortFor, reasons } from '../openai-effort.js';
import { withoutHints } from '../openai-hints.js';
import { parametersFor, strictFor } from '../openai-schemas.js';
import { orderTurns } from '../turn-order.js';
import { writeItems } from './write-items.js';

const NOT_CARRIED = "The dialect of the model's provider has no such setting.";
const FORCED = "The model's provider cannot run the tool that must be called.";

/** Writes a request of Responses. Nothing is kept at the provider: the next request says all again. */
export function writeRequest(conversation: Conversation, context: WriteContext): WrittenRequest | Fault {
  const missing = featureWithoutField(conversation);
  if (missing !== null) return fault(context.fieldOf(missing), NOT_CARRIED);
  const names = toolNamesOf(conversation, OPENAI_TOOL_NAMES);
  const leftOut = new Set<string>(conversation.leftOut);
  const turns = orderTurns(conversation.turns, context.fieldOf('turns'));
  if (isFault(turns)) return turns;
  const [instructions, said] = instructionsOf(turns);
  const callId = callIds(turns, OPENAI_RESPONSES_CALL_IDS);
  const { modelSeal: seal } = context;
  const input = writeItems(said, { names, callId, leftOut, seal, fieldOf: (feature) => context.fieldOf(feature) });
  if (isFault(input)) return input;
  const tools = writeTools(conversation, names, leftOut, context);
  if (isFault(tools)) return tools;
  const body = {
    model: context.model,
    ...(instructions === null ? {} : { instructions }),
    input,
    ...tools,
    ...writeSettings(withoutHints(conversation, context, leftOut), context, leftOut),
    store: false,
  };
  return { kind: 'written', body, leftOut: [...leftOut], names: seal === undefined ? names : { ...names, seal } };
}

/** The first setting that Responses does not have, or that its answers cannot bring back. */
function featureWithoutField(conversation: Conversation): Feature | null {
  const settings: readonly (readonly [Feature, boolean])[] = [
    ['stop', conversation.stop.length > 0],
    ['top_k', conversation.topK !== null],
    ['frequency_penalty', (conversation.frequencyPenalty ?? 0) !== 0],
    ['presence_penalty', (conversation.presencePenalty ?? 0) !== 0],
    ['seed', conversation.seed !== null],
    ['logit_bias', Object.keys(conversation.logitBias ?? {}).length > 0],
    ['logprobs', conversation.topLogprobs !== null],
  ];
  return settings.find(([, isSet]) => isSet)?.[0] ?? null;
}

/** What is said first by the operator, if it is one text and more follows, stands in a field of its own. */
function instructionsOf(turns: readonly Turn[]): readonly [instructions: string | null, others: readonly Turn[]] {
  const [first, ...others] = turns;
  const [part, ...parts] = first?.role === 'system' ? first.parts : [];
  return part === undefined || parts.length > 0 || others.length === 0 ? [null, turns] : [part.text, others];
}

/** Tools that only another provider runs are left out, unless the model must call one of them. */
function writeTools(
  { tools, toolChoice, parallelToolCalls }: Conversation,
  names: ToolNames,
  leftOut: Set<string>,
  context: WriteContext,
): JsonObject | Fault {
  const field = `${context.fieldOf('tools')}[]`;
  const callers = tools.filter((tool) => tool.kind !== 'builtin');
  const written = callers.map((tool) => writeTool(tool, names, field, leftOut));
  const isForced =
    (toolChoice?.kind === 'required' && written.length === 0) ||
    (toolChoice?.kind === 'tool' && !callers.some(({ name }) => name === toolChoice.name));
  if (isForced) return fault(context.fieldOf('tool_choice'), FORCED);
  for (const tool of tools) if (tool.kind === 'builtin') leftOut.add(tool.name);
  if (written.length === 0) return {};
  return {
    tools: written,
    ...(toolChoice === null ? {} : { tool_choice: writeChoice(toolChoice, tools, names) }),
    ...(parallelToolCalls === null ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

/** In Responses a function is strict unless it says otherwise, in other dialects only if it says so. */
function writeTool(
  tool: Exclude<Tool, { kind: 'builtin' }>,
  names: ToolNames,
  field: string,
  leftOut: Set<string>,
): JsonObject {
  const head = {
    type: tool.kind,
    name: names.sent(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
  };
  if (tool.kind === 'custom') return { ...head, ...(tool.format === null ? {} : { format: flatFormat(tool.format) }) };
  const parameters = parametersFor(tool.parameters);
  const strict = strictFor({ strict: tool.strict, schema: parameters, field }, leftOut);
  return { ...head, parameters, strict: strict ?? false };
}

/** The format of a custom tool's input: chat has a grammar in a field of its own, Responses beside the type. */
function flatFormat(format: JsonObject): JsonObject {
  const { grammar, ...others } = format;
  return typeof grammar === 'object' && grammar !== null ? { ...others, ...grammar } : format;
}

function writeChoice(choice: ToolChoice, tools: readonly Tool[], names: ToolNames): unknown {
  if (choice.kind !== 'tool') return choice.kind;
  const isCustom = tools.some((tool) => tool.kind === 'custom' && tool.name === choice.name);
  return { type: isCustom ? 'custom' : 'function', name: names.sent(choice.name) };
}

function writeSettings(conversation: Conversation, context: WriteContext, leftOut: Set<string>): JsonObject {
  return present({
    max_output_tokens: conversation.outputTokensMax,
    temperature: conversation.temperature,
    top_p: conversation.topP,
    ...writeReasoning(conversation, context, leftOut),
    text: writeText(conversation, context, leftOut),
    user: conversation.user === null ? null : fittingId(conversation.user, OPENAI_USERS),
    metadata: conversation.metadata,
    prompt_cache_key: conversation.promptCacheKey,
    service_tier: conversation.serviceTier,
    stream: conversation.stream ? true : null,
  });
}

/** Thoughts are asked for in a form that can be sent back. Models that do not think refuse to be asked. */
function writeReasoning({ reasoning, turns }: Conversation, context: WriteContext, leftOut: Set<string>): JsonObject {
  const effort = effortFor(reasoning, context, leftOut);
  if (!reasons(context.model)) return {};
  const summary = reasoning?.summary ?? null;
  const written = present({ effort, summary: summary === 'omitted' ? null : summary });
  const thinks = effort !== 'none' && (reasoning !== null || turns.some(hasSealedThought));
  return {
    reasoning: Object.keys(written).length === 0 ? null : written,
    include: thinks ? ['reasoning.encrypted_content'] : null,
  };
}

function hasSealedThought(turn: Turn): boolean {
  if (turn.role !== 'assistant') return false;
  return turn.parts.some((part) => part.kind === 'thinking' && part.sealed?.maker === 'openai');
}

function writeText(
  { format, verbosity }: Conversation,
  context: WriteContext,
  leftOut: Set<string>,
): JsonObject | null {
  if (format === null && verbosity === null) return null;
  return present({ format: format === null ? null : writeFormat(format, context, leftOut), verbosity });
}

function writeFormat(format: OutputFormat, { fieldOf }: WriteContext, leftOut: Set<string>): JsonObject {
  if (format.kind === 'json_object') return { type: 'json_object' };
  const { name, description, schema } = format;
  const strict = strictFor({ strict: format.strict, schema, field: fieldOf('json_schema') }, leftOut);
  return { type: 'json_schema', name, ...present({ description, strict }), schema };
}

/** The fields that are not null. */
function present(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

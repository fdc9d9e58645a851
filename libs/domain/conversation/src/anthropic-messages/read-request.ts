import type { Conversation } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { numberOf } from '../fields.js';
import { HARMLESS_FIELDS } from './field-notes.js';
import { notCarried, unknownField } from './known-fields.js';
import { changedTools } from './mid-conversation.js';
import { readOutput, readServiceTier, readUser } from './read-settings.js';
import { readTools, readToolChoice } from './read-tools.js';
import { readMessages, readSystem } from './read-turns.js';

const READ = new Set([
  ...['model', 'system', 'messages', 'tools', 'tool_choice', 'max_tokens', 'stop_sequences', 'stream', 'temperature'],
  ...['top_p', 'top_k', 'thinking', 'output_config', 'output_format', 'metadata', 'service_tier'],
  ...HARMLESS_FIELDS,
]);
const READ_AT_USUAL_SPEED = new Set([...READ, 'speed']);

/**
 * Reads a request of Anthropic's Messages: platform.claude.com/docs/en/api/messages. A field that is neither carried
 * nor harmless is a fault by its name: `container`, `mcp_servers`, `fallbacks`, `inference_geo` and the like, and
 * `speed` unless it asks for the speed that all models have.
 */
export function readRequest(body: JsonObject): Conversation | Fault {
  const unknown = unknownField(body, body['speed'] === 'standard' ? READ_AT_USUAL_SPEED : READ);
  if (unknown !== undefined) return notCarried(unknown);
  const system = readSystem(body['system']);
  if (isFault(system)) return system;
  const messages = readMessages(body['messages']);
  if (isFault(messages)) return messages;
  const { turns } = messages;
  const declared = readTools(body['tools']);
  if (isFault(declared)) return declared;
  const tools = changedTools(declared, messages.toolChanges);
  if (isFault(tools)) return tools;
  const choice = readToolChoice(body['tool_choice']);
  if (isFault(choice)) return choice;
  const output = readOutput(body, messages.effort);
  if (isFault(output)) return output;
  const wrong = wrongSetting(body);
  if (wrong !== null) return wrong;
  const user = readUser(body['metadata']);
  if (isFault(user)) return user;
  const serviceTier = readServiceTier(body['service_tier']);
  if (isFault(serviceTier)) return serviceTier;
  return {
    turns: system.length === 0 ? turns : [...system, ...turns],
    tools,
    toolChoice: choice.toolChoice,
    parallelToolCalls: choice.parallelToolCalls,
    format: output.format,
    outputTokensMax: numberOf(body['max_tokens']),
    stop: (body['stop_sequences'] ?? []) as readonly string[],
    temperature: numberOf(body['temperature']),
    topP: numberOf(body['top_p']),
    topK: numberOf(body['top_k']),
    frequencyPenalty: null,
    presencePenalty: null,
    seed: null,
    logitBias: null,
    topLogprobs: null,
    reasoning: output.reasoning,
    verbosity: null,
    user,
    metadata: null,
    promptCacheKey: null,
    serviceTier,
    stream: body['stream'] === true,
  };
}

const NUMBERS = ['max_tokens', 'temperature', 'top_p', 'top_k'];

function wrongSetting(body: JsonObject): Fault | null {
  const stop = body['stop_sequences'] ?? [];
  if (!Array.isArray(stop) || !stop.every((text) => typeof text === 'string'))
    return fault('stop_sequences', 'They must be a list of strings.');
  // Anthropic only fills its cache then. Others write without a limit, or refuse it.
  if (body['max_tokens'] === 0) return fault('max_tokens', 'It must be at least 1 for a model of another API.');
  const notNumber = NUMBERS.find((field) => numberOf(body[field] ?? 0) === null);
  return notNumber === undefined ? null : fault(notNumber, 'It must be a number.');
}

import type { Conversation, OutputFormat, Reasoning } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isObject, numberOf } from '../fields.js';
import { notCarried, unknownField } from './known-fields.js';

/** Anthropic has no name for the schema of an answer; OpenAI wants one. */
const SCHEMA_NAME = 'response';
/** `block_binding` tells which thoughts Claude takes back; those of other models are not bound. */
const THINKING_FIELDS = new Set(['type', 'budget_tokens', 'display', 'block_binding']);
const OUTPUT_FIELDS = new Set(['effort', 'format']);
const METADATA_FIELDS = new Set(['user_id']);

const NO_CONFIG: JsonObject = {};

type Output = Pick<Conversation, 'format' | 'reasoning'>;

/**
 * `thinking` and `output_config`. Clients send forms that Anthropic's reference does not have: `adaptive` with a budget
 * of 0, and `enabled` without one. Both leave the amount to the model. `lastEffort` is the one that the last message
 * about it asks for; null if none does.
 */
export function readOutput(body: JsonObject, lastEffort: string | null): Output | Fault {
  const config = body['output_config'] ?? NO_CONFIG;
  if (!isObject(config)) return fault('output_config', 'It must be an object.');
  const unknown = unknownField(config, OUTPUT_FIELDS);
  if (unknown !== undefined) return notCarried(`output_config.${unknown}`);
  const format = readFormat(body, config);
  if (isFault(format)) return format;
  const { effort } = config;
  if (effort !== undefined && effort !== null && typeof effort !== 'string')
    return fault('output_config.effort', 'The effort must be a string.');
  const reasoning = readThinking(body['thinking'], lastEffort ?? effort ?? null);
  return isFault(reasoning) ? reasoning : { format, reasoning };
}

function readThinking(thinking: unknown, effort: string | null): Reasoning | null | Fault {
  if (thinking === undefined || thinking === null)
    return effort === null ? null : { effort, budgetTokens: null, summary: null };
  if (!isObject(thinking)) return fault('thinking', 'It must be an object.');
  const unknown = unknownField(thinking, THINKING_FIELDS);
  if (unknown !== undefined) return notCarried(`thinking.${unknown}`);
  const { type, budget_tokens: budget, display } = thinking;
  if (type === 'disabled' || type === 'between_tools') return { effort: 'none', budgetTokens: null, summary: null };
  if (type !== 'enabled' && type !== 'adaptive')
    return fault('thinking.type', 'The type of thinking must be enabled, adaptive, between_tools or disabled.');
  if (budget !== undefined && budget !== null && !(Number.isInteger(budget) && (budget as number) >= 0))
    return fault('thinking.budget_tokens', 'The budget of thinking must be a whole number of tokens.');
  return { effort, budgetTokens: numberOf(budget) || null, summary: summaryOf(display) };
}

function summaryOf(display: unknown): string | null {
  return display === 'summarized' ? 'auto' : display === 'omitted' ? 'omitted' : null;
}

/** `output_format` is the name that `output_config.format` had before. */
function readFormat(body: JsonObject, config: JsonObject): OutputFormat | null | Fault {
  const [param, format] = config['format']
    ? ['output_config.format', config['format']]
    : ['output_format', body['output_format']];
  if (format === undefined || format === null) return null;
  if (!isObject(format) || format['type'] !== 'json_schema')
    return fault(`${param}.type`, 'The format of the answer must be of the type json_schema.');
  const schema = format['schema'];
  if (!isObject(schema)) return fault(`${param}.schema`, 'The format of the answer must have a schema.');
  return { kind: 'json_schema', name: SCHEMA_NAME, description: null, schema, strict: true };
}

/** `metadata.user_id` is the only field of `metadata`. */
export function readUser(metadata: unknown): string | null | Fault {
  if (metadata === undefined || metadata === null) return null;
  if (!isObject(metadata)) return fault('metadata', 'It must be an object.');
  const unknown = unknownField(metadata, METADATA_FIELDS);
  if (unknown !== undefined) return notCarried(`metadata.${unknown}`);
  const user = metadata['user_id'] ?? null;
  return user === null || typeof user === 'string' ? user : fault('metadata.user_id', 'The user must be a string.');
}

/** Anthropic's names for the tiers of a request; OpenAI's stand in a conversation. */
export function readServiceTier(tier: unknown): string | null | Fault {
  if (tier === undefined || tier === null) return null;
  if (tier === 'auto') return 'auto';
  if (tier === 'standard_only') return 'default';
  return fault('service_tier', 'The service tier must be auto or standard_only.');
}

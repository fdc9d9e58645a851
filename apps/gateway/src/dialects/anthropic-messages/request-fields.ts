import { ELSEWHERE_FIELDS } from '../openai/elsewhere-fields.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

/** Edits of a conversation before it is read that only take something away from it. */
const CLEARING = /^clear_/;

function clearsOnly(management: unknown): boolean {
  const edits: unknown = (management as { edits?: unknown } | null)?.edits;
  if (typeof management !== 'object' || Array.isArray(management)) return false;
  if (edits === undefined || edits === null) return true;
  return (
    Array.isArray(edits) &&
    edits.every((edit: { type?: unknown } | null) => typeof edit?.type === 'string' && CLEARING.test(edit.type))
  );
}

const OWN_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its bytes bound the input; each of its parts is checked.', 'messages system'),
  ...rows('read', 'It decides how the answer is read.', 'stream'),
  ...rows('read', 'It is the ceiling of the output.', 'max_tokens'),
  ...rows('read', 'It can be served at another price.', 'service_tier speed inference_geo'),

  ...rows('free', 'It decides which token comes next.', 'temperature top_p top_k'),
  ...rows('free', 'It decides where an answer ends, within its ceiling.', 'stop_sequences'),
  ...rows('free', 'It names the caller or the call.', 'metadata'),

  ...rows('bounded', 'Tools of the caller are text; each use of a tool of the provider is counted.', 'tools'),
  ...rows('bounded', 'It is text of the input, and the answer to it is output.', 'tool_choice output_format'),
  ...rows('bounded', 'Thinking is output, within its ceiling.', 'thinking output_config'),
  ...rows('bounded', 'It is text; to judge which tool calls are dangerous is not charged.', 'safeguards'),
  ...rows('bounded', 'Tokens that are written to a cache have a price of their own.', 'cache_control'),
  ...rows('bounded', 'Only the provider simulator reads it; other providers do not know the name.', 'simulator'),
  {
    name: 'context_management',
    use: 'bounded',
    why: 'Clearing takes input away; a compaction is another pass of the model.',
    isBounded: clearsOnly,
  },

  ...rows('unbounded', 'It is another pass of the model, whose length is not known before.', 'compaction'),
  ...rows('unbounded', 'A header says it for this API, and the gateway checks the header.', 'anthropic_beta betas'),

  ...rows(
    'omitted',
    'It asks for a report on a cache, and names a message of the account at the provider, which all callers share.',
    'diagnostics',
  ),

  ...rows('elsewhere', 'It names another model.', 'fallbacks'),
  ...rows('elsewhere', 'It names servers that the provider calls, with credentials for them.', 'mcp_servers'),
  ...rows(
    'elsewhere',
    'It names something that is kept in the account at the provider, which all callers share.',
    'container thread fallback_credit_token user_profile_id workspace_id',
  ),
];

const OWN_NAMES: ReadonlySet<string> = new Set(OWN_FIELDS.map(({ name }) => name));

/**
 * The fields of Anthropic's Messages API, with those of its beta versions, and the fields by which relays send a
 * request elsewhere.
 */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...OWN_FIELDS,
  ...ELSEWHERE_FIELDS.filter(({ name }) => !OWN_NAMES.has(name)),
];

import type { DialectName } from '../../dialects/dialect-name.js';
import { passing } from '../caller-headers.js';
import type { ProviderType } from '../provider-type.js';

/** All that OpenAI speaks. */
export const OPENAI_DIALECTS: ReadonlySet<DialectName> = new Set([
  'openai-chat',
  'openai-completions',
  'openai-embeddings',
  'openai-responses',
  'openai-responses-compact',
]);

const RESPONSES_DIALECTS: ReadonlySet<DialectName> = new Set(['openai-responses', 'openai-responses-compact']);
/** Models that OpenAI serves through Responses alone, by their names on its pages of models (read in November 2026). */
const OF_RESPONSES =
  /^(?:gpt-5[\d.]*-(?:codex|pro)|codex-mini|o\d+-pro|o\d+(?:-mini)?-deep-research|computer-use)(?:-|$)/;

/** OpenAI's own API. */
export const openai: ProviderType = {
  dialectsOf: () => OPENAI_DIALECTS,
  dialectsOfModel: (model) => (OF_RESPONSES.test(model) ? RESPONSES_DIALECTS : null),
  pathsOf({ baseUrl }) {
    const base = new URL(baseUrl).pathname.replace(/\/$/, '');
    return (operation) => base + operation;
  },
  credentialHeaders: (credential) => ['authorization', `Bearer ${credential}`],
  callerHeaders: passing('openai-', new Set(['openai-organization', 'openai-project', 'openai-beta'])),
  defaultHeaders: [],
  // OpenAI's reasoning models refuse max_tokens.
  knownFields: () => ({
    ceilingField: 'max_completion_tokens',
    streamOptions: true,
    customTools: true,
    earlierThoughts: false,
    hints: true,
    endsAtZero: true,
  }),
  blamesConfiguration: () => false,
};

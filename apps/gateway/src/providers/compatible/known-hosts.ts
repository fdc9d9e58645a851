import type { KnownFields } from '../provider-type.js';

/** The host of OpenAI's own API. */
export const OPENAI_HOST = 'api.openai.com';

const OPENAI: KnownFields = {
  ceilingField: 'max_completion_tokens',
  streamOptions: true,
  customTools: true,
  hints: true,
  endsAtZero: true,
  earlierThoughts: false,
};

/**
 * The ends of known hosts, with the fields that their API references document (read in November 2026). OpenAI's
 * reasoning models refuse `max_tokens`; Mistral answers 422 to both other fields, and Perplexity and Mistral report
 * usage without being asked. OpenAI, Groq and Cerebras refuse earlier thoughts ("property 'reasoning_content' is
 * unsupported"), whatever the model is.
 */
const HOSTS: readonly (readonly [host: string, KnownFields])[] = [
  [OPENAI_HOST, OPENAI],
  ['openai.azure.com', OPENAI],
  ['api.groq.com', { ceilingField: 'max_completion_tokens', streamOptions: true, earlierThoughts: false }],
  ['api.x.ai', { ceilingField: 'max_completion_tokens', streamOptions: true }],
  ['api.cerebras.ai', { ceilingField: 'max_completion_tokens', streamOptions: true, earlierThoughts: false }],
  ['api.mistral.ai', { ceilingField: 'max_tokens', streamOptions: false, mistralsCallIds: true }],
  ['api.deepseek.com', { ceilingField: 'max_tokens', streamOptions: true, earlierThoughts: true }],
  ['api.moonshot.ai', { ceilingField: 'max_tokens', streamOptions: true, earlierThoughts: true }],
  ['api.moonshot.cn', { ceilingField: 'max_tokens', streamOptions: true, earlierThoughts: true }],
  ['api.perplexity.ai', { ceilingField: 'max_tokens', streamOptions: false }],
];

/** Nearly all servers of this dialect accept `max_tokens`; some ignore the newer name, and thus the ceiling. */
const UNKNOWN: KnownFields = { ceilingField: 'max_tokens', streamOptions: true };

/** The fields that the provider at a host accepts; for an unknown host, those that most providers accept. */
export function knownFieldsOf(host: string): KnownFields {
  return HOSTS.find(([end]) => host === end || host.endsWith(`.${end}`))?.[1] ?? UNKNOWN;
}

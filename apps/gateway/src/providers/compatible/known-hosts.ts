import type { KnownFields } from '../provider-type.js';

/**
 * Hosts by their end, with what their API references say (read in November 2026). OpenAI's reasoning models refuse
 * `max_tokens`; Mistral answers 422 to both other fields, and Perplexity and Mistral report usage without being asked.
 */
const HOSTS: readonly (readonly [host: string, KnownFields])[] = [
  ['api.openai.com', { ceilingField: 'max_completion_tokens', streamOptions: true }],
  ['openai.azure.com', { ceilingField: 'max_completion_tokens', streamOptions: true }],
  ['api.groq.com', { ceilingField: 'max_completion_tokens', streamOptions: true }],
  ['api.x.ai', { ceilingField: 'max_completion_tokens', streamOptions: true }],
  ['api.cerebras.ai', { ceilingField: 'max_completion_tokens', streamOptions: true }],
  ['api.mistral.ai', { ceilingField: 'max_tokens', streamOptions: false }],
  ['api.perplexity.ai', { ceilingField: 'max_tokens', streamOptions: false }],
];

/** Nearly every server of this dialect knows `max_tokens`; some ignore the newer name, and so the ceiling. */
const UNKNOWN: KnownFields = { ceilingField: 'max_tokens', streamOptions: true };

/** What the provider at a host takes; for a host that is not known, what most take. */
export function knownFieldsOf(host: string): KnownFields {
  return HOSTS.find(([end]) => host === end || host.endsWith(`.${end}`))?.[1] ?? UNKNOWN;
}

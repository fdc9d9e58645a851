import type { Scope } from '@tollgate/api-key';

/** What decides whether a key may use an endpoint, and where it is. */
export interface InferenceEndpoint {
  readonly name: string;
  /** Its paths at both bases; `{id}` at the end of one stands for the rest of a path, slashes included. */
  readonly paths: readonly string[];
  /** The only method that these paths accept, but for HEAD where it is GET. */
  readonly method: 'GET' | 'POST';
  /** The scope that a key needs. */
  readonly scope: Scope;
  /** Set for one whose calls cost nothing, so that no credit is looked at. */
  readonly isFree?: true;
}

/** The inference endpoints. The gateway serves them in this order; explanations of a key name them by any path. */
export const INFERENCE_ENDPOINTS = {
  chatCompletions: {
    name: 'chat-completions',
    paths: ['/v1/chat/completions', '/api/v1/chat/completions'],
    method: 'POST',
    scope: 'inference:write',
  },
  completions: {
    name: 'completions',
    paths: ['/v1/completions', '/api/v1/completions'],
    method: 'POST',
    scope: 'inference:write',
  },
  responses: {
    name: 'responses',
    paths: ['/v1/responses', '/api/v1/responses'],
    method: 'POST',
    scope: 'inference:write',
  },
  compactResponse: {
    name: 'compact-response',
    paths: ['/v1/responses/compact', '/api/v1/responses/compact'],
    method: 'POST',
    scope: 'inference:write',
  },
  embeddings: {
    name: 'embeddings',
    paths: ['/v1/embeddings', '/api/v1/embeddings'],
    method: 'POST',
    scope: 'inference:write',
  },
  messages: {
    name: 'messages',
    paths: ['/v1/messages', '/api/v1/messages'],
    method: 'POST',
    scope: 'inference:write',
  },
  countTokens: {
    name: 'count-tokens',
    paths: ['/v1/messages/count_tokens', '/api/v1/messages/count_tokens'],
    method: 'POST',
    scope: 'inference:write',
    isFree: true,
  },
  inference: {
    name: 'inference',
    paths: ['/v1/inference', '/api/v1/inference'],
    method: 'POST',
    scope: 'inference:write',
  },
  models: {
    name: 'models',
    paths: ['/v1/models', '/api/v1/models'],
    method: 'GET',
    scope: 'inference:read',
    isFree: true,
  },
  model: {
    name: 'model',
    paths: ['/v1/models/{id}', '/api/v1/models/{id}'],
    method: 'GET',
    scope: 'inference:read',
    isFree: true,
  },
} as const satisfies Record<string, InferenceEndpoint>;

/** The endpoint that has this name or path; null if there is none. */
export function inferenceEndpoint(nameOrPath: string): InferenceEndpoint | null {
  const all: readonly InferenceEndpoint[] = Object.values(INFERENCE_ENDPOINTS);
  return all.find(({ name, paths }) => name === nameOrPath || paths.includes(nameOrPath)) ?? null;
}

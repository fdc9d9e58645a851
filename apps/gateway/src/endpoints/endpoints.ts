import { chatCompletions } from './chat-completions/chat-completions.js';
import { compactResponse } from './compact-response/compact-response.js';
import { completions } from './completions/completions.js';
import { countTokens } from './count-tokens/count-tokens.js';
import { embeddings } from './embeddings/embeddings.js';
import { inference } from './inference/inference.js';
import type { Endpoint, ReadEndpoint } from './endpoint.js';
import { messages } from './messages/messages.js';
import { model, models } from './models/models.js';
import { responses } from './responses/responses.js';

/**
 * All inference endpoints that call a model. A new endpoint needs a folder here, a folder of its dialect, and an entry
 * in this list.
 */
export const ENDPOINTS: readonly Endpoint[] = [
  chatCompletions,
  completions,
  responses,
  compactResponse,
  embeddings,
  messages,
  countTokens,
  inference,
];

/** The endpoints that tell a key what it may use. */
export const READ_ENDPOINTS: readonly ReadEndpoint[] = [models, model];

/** Every endpoint, in the order in which they are named to callers. */
export const ALL_ENDPOINTS: readonly (Endpoint | ReadEndpoint)[] = [...ENDPOINTS, ...READ_ENDPOINTS];

/** The end of the path of an endpoint that takes an id. */
const ID = '{id}';

const pathsOf = (endpoint: Endpoint | ReadEndpoint): (readonly [path: string, Endpoint | ReadEndpoint])[] =>
  endpoint.paths.map((path) => [path, endpoint] as const);

const BY_PATH: ReadonlyMap<string, Endpoint | ReadEndpoint> = new Map(
  ALL_ENDPOINTS.flatMap(pathsOf).filter(([path]) => !path.endsWith(ID)),
);
const BY_PREFIX = ALL_ENDPOINTS.flatMap(pathsOf)
  .filter(([path]) => path.endsWith(ID))
  .map(([path, endpoint]) => ({ prefix: path.slice(0, -ID.length), endpoint }));

/** The endpoint whose path this is, as most clients spell it; undefined if there is none, or if its path has an id. */
export function endpointAtExactly(path: string): Endpoint | ReadEndpoint | undefined {
  return BY_PATH.get(path);
}

/** The endpoint at a normalised path without its query; undefined if there is none. */
export function endpointAt(path: string): Endpoint | ReadEndpoint | undefined {
  return BY_PATH.get(path) ?? BY_PREFIX.find(({ prefix }) => isBelow(path, prefix))?.endpoint;
}

const isBelow = (path: string, prefix: string): boolean => path.length > prefix.length && path.startsWith(prefix);

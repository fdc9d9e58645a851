import { chatCompletions } from './chat-completions/chat-completions.js';
import { embeddings } from './embeddings/embeddings.js';
import type { Endpoint } from './endpoint.js';

/** Every inference endpoint that is served. A new one is a folder here, its dialect's folder, and a line. */
export const ENDPOINTS: readonly Endpoint[] = [chatCompletions, embeddings];

const BY_PATH: ReadonlyMap<string, Endpoint> = new Map(
  ENDPOINTS.flatMap((endpoint) => endpoint.paths.map((path) => [path, endpoint] as const)),
);

/** The endpoint at a path without a query; undefined where none is. */
export function endpointAt(path: string): Endpoint | undefined {
  return BY_PATH.get(path);
}

import { chatCompletions } from './chat-completions/chat-completions.js';
import { embeddings } from './embeddings/embeddings.js';
import type { Endpoint } from './endpoint.js';

/** All inference endpoints. A new endpoint needs a folder here, a folder of its dialect, and an entry in this list. */
export const ENDPOINTS: readonly Endpoint[] = [chatCompletions, embeddings];

const BY_PATH: ReadonlyMap<string, Endpoint> = new Map(
  ENDPOINTS.flatMap((endpoint) => endpoint.paths.map((path) => [path, endpoint] as const)),
);

/** The endpoint at a path without its query; undefined if there is none. */
export function endpointAt(path: string): Endpoint | undefined {
  return BY_PATH.get(path);
}

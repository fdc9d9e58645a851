import type { Scope } from '@tollgate/api-key';
import type { Dialect } from '../dialects/dialect.js';

/**
 * One entry of the table of endpoints: where it is served, what a key needs for it, and how it is spoken.
 *
 * @example
 * const embeddings: Endpoint = {
 *   name: 'embeddings',
 *   paths: ['/v1/embeddings', '/api/v1/embeddings'],
 *   method: 'POST',
 *   scope: 'inference:write',
 *   dialect: openAiEmbeddings,
 * };
 */
export interface Endpoint {
  readonly name: string;
  readonly paths: readonly string[];
  /** The only method of these paths. */
  readonly method: 'POST';
  /** The scope that a key needs. */
  readonly scope: Scope;
  readonly dialect: Dialect;
}

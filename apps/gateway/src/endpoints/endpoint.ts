import type { Scope } from '@tollgate/api-key';
import type { Dialect } from '../dialects/dialect.js';

/**
 * An entry of the table of endpoints: its paths, the scope that a key needs, and its dialect.
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
  /** The only method that these paths accept. */
  readonly method: 'POST';
  /** The scope that a key needs. */
  readonly scope: Scope;
  readonly dialect: Dialect;
}

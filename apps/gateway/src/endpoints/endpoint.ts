import type { InferenceEndpoint } from '@tollgate/access';
import type { Dialect } from '../dialects/dialect.js';

/**
 * An entry of the table of endpoints: what `INFERENCE_ENDPOINTS` says of it (its paths, the scope that a key needs),
 * and its dialect.
 *
 * @example
 * const embeddings: Endpoint = { ...INFERENCE_ENDPOINTS.embeddings, dialect: openAiEmbeddings };
 */
export interface Endpoint extends InferenceEndpoint {
  readonly dialect: Dialect;
}

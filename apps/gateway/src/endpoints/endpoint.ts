import type { InferenceEndpoint } from '@tollgate/access';
import type { Dialect } from '../dialects/dialect.js';
import type { Identified } from '../request-path/exchange/exchange.js';
import type { Refusal } from '../request-path/exchange/refusal.js';
import type { ModelCatalogue } from './models/model-catalogue.js';

/**
 * An entry of the table of endpoints that call a model: what `INFERENCE_ENDPOINTS` says of it (its paths, the scope
 * that a key needs), and its dialect.
 *
 * @example
 * const embeddings: Endpoint = { ...INFERENCE_ENDPOINTS.embeddings, dialect: openAiEmbeddings };
 */
export interface Endpoint extends InferenceEndpoint {
  readonly dialect: Dialect;
}

/** An entry of the table of endpoints that call no model: they tell a key what it may use. */
export interface ReadEndpoint extends InferenceEndpoint {
  readonly method: 'GET';
  /** Makes the JSON of the answer for a key that may use the endpoint. */
  answer(exchange: Identified, catalogue: ModelCatalogue): Buffer | Refusal;
}

/** Whether an endpoint calls a model. */
export function callsModel(endpoint: Endpoint | ReadEndpoint): endpoint is Endpoint {
  return 'dialect' in endpoint;
}

/** The methods that an endpoint takes, as in the header `Allow`. */
export function allowOf({ method }: InferenceEndpoint): string {
  return method === 'GET' ? 'GET, HEAD' : method;
}

/** Whether an endpoint takes a method. A HEAD is answered as a GET without its body (RFC 9110 §9.3.2). */
export function takesMethod(endpoint: InferenceEndpoint, method: string): boolean {
  return method === endpoint.method || (method === 'HEAD' && endpoint.method === 'GET');
}

import { CONTROL_PLANE_PREFIXES } from './control-plane/prefixes.js';
import { allowOf } from './endpoints/endpoint.js';
import { ALL_ENDPOINTS, endpointAt } from './endpoints/endpoints.js';
import { refuse, type Refusal } from './request-path/exchange/refusal.js';

/** Segments in the paths of providers' APIs, whether or not the gateway serves them. */
const API_WORDS: ReadonlySet<string> = new Set([
  'assistants',
  'audio',
  'batches',
  'chat',
  'complete',
  'completions',
  'containers',
  'conversations',
  'deployments',
  'edits',
  'embeddings',
  'engines',
  'evals',
  'files',
  'fine-tunes',
  'fine_tuning',
  'generate',
  'images',
  'messages',
  'models',
  'moderations',
  'openai',
  'realtime',
  'rerank',
  'responses',
  'threads',
  'uploads',
  'vector_stores',
  'videos',
]);
const VERSION = /^v\d{1,2}(?:(?:alpha|beta)\d?)?$/;

/**
 * Whether the client of a path expects an error in the format of a model's API: a path below `/v1`, or one that an SDK
 * with a wrong base URL uses. The paths of the control plane are not among them.
 */
export function isInferencePath(path: string): boolean {
  for (const prefix of Object.values(CONTROL_PLANE_PREFIXES)) {
    if (path === prefix || path.startsWith(`${prefix}/`)) return false;
  }
  return path
    .toLowerCase()
    .split('/')
    .some((segment) => VERSION.test(segment) || API_WORDS.has(segment));
}

/** The refusal for an inference path and method that no endpoint serves. */
export function refusalAt(method: string, path: string, opensWebSocket = false): Refusal {
  // The rest of such a connection is no HTTP.
  const close = opensWebSocket ? ['connection', 'close'] : [];
  const endpoint = endpointAt(path);
  if (endpoint !== undefined && opensWebSocket)
    return refuse('websocket_not_served', { headers: ['upgrade', 'HTTP/1.1', ...close] });
  if (endpoint !== undefined) {
    const allow = allowOf(endpoint);
    return refuse('method_not_allowed', {
      message: `${shown(path)} takes ${allow}, not ${method}.`,
      headers: ['allow', allow],
    });
  }
  return refuse('not_found', {
    message: `Nothing is served at ${method} ${shown(path)}; ${baseOf(path)}. Below /v1 and /api/v1 there are ${SERVED}.`,
    headers: close,
  });
}

const DOUBLED = /\/v1\/v1(?:\/|$)/i;

/** What to write as the base URL of a client that asks at a path. */
function baseOf(path: string): string {
  return DOUBLED.test(path)
    ? 'it has /v1 twice, since this client adds /v1 itself: leave it out of the base URL'
    : "base URLs end in /v1, and those of Anthropic's clients before it";
}

/** Every endpoint by its path below both bases. */
const SERVED = ALL_ENDPOINTS.map(({ method, paths: [path = ''] }) => `${method} ${path.replace(/^\/v1/, '')}`)
  .join(', ')
  .replace(/, (?=[^,]*$)/, ' and ');

/** Matches words of an API and ids of models. A secret is longer, or begins with its prefix. */
const HARMLESS = /^(?!sk-)[\w.:@-]{0,32}$/;
const SEGMENTS_MAX = 8;

/** The path for a reply, without segments that could be a secret or markup. */
function shown(path: string): string {
  const segments = path.split('/');
  const harmless = segments.slice(0, SEGMENTS_MAX + 1).map((segment) => (HARMLESS.test(segment) ? segment : '…'));
  return harmless.join('/') + (segments.length > SEGMENTS_MAX + 1 ? '/…' : '');
}

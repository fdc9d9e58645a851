import { originForm, pathOfTarget } from '@tollgate/http';
import { CONTROL_PLANE_PREFIXES } from './control-plane/prefixes.js';
import { endpointAt, ENDPOINTS } from './endpoints/endpoints.js';
import { refuse, type Refusal } from './request-path/exchange/refusal.js';

/**
 * The normalised path of a request target in any form: without query, `//` as `/`, no slash at the end, and `%63` as
 * the letter that it encodes. `%2F` stays, since an encoded reserved character has another meaning (RFC 3986, section
 * 2.2).
 */
export function plainPath(target: string): string {
  const path = pathOfTarget(originForm(target))
    .replace(/%[0-9a-f]{2}/gi, decodeUnreserved)
    .replace(/\/{2,}/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function decodeUnreserved(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : encoded;
}

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
 * Whether the client of a path expects an error in OpenAI's format: a path below `/v1`, or one that an SDK with a wrong
 * base URL uses. The paths of the control plane are not among them.
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
export function refusalAt(method: string, path: string): Refusal {
  const endpoint = endpointAt(path);
  if (endpoint !== undefined) {
    const message = `${path} takes ${endpoint.method}, not ${method}.`;
    return refuse('method_not_allowed', { message, headers: ['allow', endpoint.method] });
  }
  return refuse('not_found', {
    message: `Nothing is served at ${method} ${shown(path)}; base URLs end in /v1, and what is served is ${SERVED}.`,
  });
}

const SERVED = ENDPOINTS.flatMap(({ method, paths }) => paths.map((path) => `${method} ${path}`))
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

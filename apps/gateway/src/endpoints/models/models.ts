import { INFERENCE_ENDPOINTS, isModelName } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { plainPath, queryOf } from '../../plain-path.js';
import { accessRefusal } from '../../request-path/access-refusal.js';
import type { Identified } from '../../request-path/exchange/exchange.js';
import { isRefusal, refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import type { ReadEndpoint } from '../endpoint.js';
import type { ListedModel } from './listed-model.js';
import { isRefused, type ModelCatalogue } from './model-catalogue.js';
import { modelPage } from './model-page.js';
import { anthropicModel, openAiModel, openRouterModel, openRouterPage } from './model-shapes.js';

/** The models that a key may use, in the shape of the API that its caller was written for. */
export const models: ReadEndpoint = { ...INFERENCE_ENDPOINTS.models, answer: listModels };

/** One model that a key may use, by any name that a call could have in `model`. */
export const model: ReadEndpoint = { ...INFERENCE_ENDPOINTS.model, answer: showModel };

/** Whose shape an answer has. Anthropic's clients say so by a header, those of OpenRouter by the path. */
type Shape = 'anthropic' | 'openrouter' | 'openai';

function shapeFor({ request }: Identified, path: string): Shape {
  if (request.headers['anthropic-version'] !== undefined) return 'anthropic';
  return path.startsWith('/api/') ? 'openrouter' : 'openai';
}

/** Lists are the same until the configuration or the key changes, so each is written once for a shape. */
const written = new WeakMap<readonly ListedModel[], Map<string, Buffer>>();

function listModels(exchange: Identified, catalogue: ModelCatalogue): Buffer | Refusal {
  const url = exchange.request.url ?? '';
  const list = catalogue.listFor(exchange.key);
  const query = queryOf(url);
  const shape = shapeFor(exchange, plainPath(url));
  if (shape === 'anthropic') {
    const page = modelPage(list, query);
    return isRefusal(page) ? page : bytesOf(page);
  }
  // Codex reads a list `models` in a shape of its own, and keeps the models that it has where that is empty.
  const isCodex = query.has('client_version');
  let texts = written.get(list);
  if (texts === undefined) written.set(list, (texts = new Map()));
  const id = `${shape} ${isCodex}`;
  let text = texts.get(id);
  if (text === undefined) {
    const ofOpenRouter = shape === 'openrouter';
    const data = list.map(ofOpenRouter ? openRouterModel : openAiModel);
    const page = ofOpenRouter ? openRouterPage(data.length) : {};
    texts.set(id, (text = bytesOf({ object: 'list', data, ...page, ...(isCodex && { models: [] }) })));
  }
  return text;
}

function showModel(exchange: Identified, catalogue: ModelCatalogue): Buffer | Refusal {
  const path = plainPath(exchange.request.url ?? '');
  const id = idIn(path);
  if (!isModelName(id)) return refuse('model_not_found', { param: 'model' });
  const found = catalogue.find(exchange.key, id);
  if (isRefused(found)) return accessRefusal(found, id);
  const shape = shapeFor(exchange, path);
  switch (shape) {
    case 'anthropic':
      return bytesOf(anthropicModel(found));
    case 'openrouter':
      return bytesOf(openRouterModel(found));
    case 'openai':
      return bytesOf(openAiModel(found));
    default:
      return unreachable(shape);
  }
}

const BEFORE_ID = /^.*?\/models\//;

/** The id at the end of a path, which clients send with slashes as they are or encoded; null if it is not readable. */
function idIn(path: string): string | null {
  try {
    return decodeURIComponent(path.replace(BEFORE_ID, ''));
  } catch {
    return null;
  }
}

const bytesOf = (value: object): Buffer => Buffer.from(JSON.stringify(value));

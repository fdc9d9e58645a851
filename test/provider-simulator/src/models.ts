import type { Exchange } from './exchange.js';
import { invalidRequest } from './errors.js';

/** The list is for show: a request may name any model. */
const OPENAI_MODELS = ['gpt-4o', 'gpt-4o-mini', 'simulated'];
const ANTHROPIC_MODELS = ['claude-opus-4-8', 'claude-sonnet-4-5'];

/** Answers `GET /v1/models` and `GET /v1/models/{id}`, in the shape of the API that the caller speaks. */
export function answerModels(exchange: Exchange, speaksAnthropic: boolean): void {
  const { path } = exchange.entry;
  const id = decodeURIComponent(path.slice('/v1/models'.length + 1));
  const models = (speaksAnthropic ? ANTHROPIC_MODELS : OPENAI_MODELS).map(
    speaksAnthropic ? anthropicModel : openAiModel,
  );
  if (id === '')
    return exchange.reply(200, JSON.stringify(speaksAnthropic ? page(models) : { object: 'list', data: models }));
  const model = models.find((each) => each.id === id);
  if (model !== undefined) return exchange.reply(200, JSON.stringify(model));
  exchange.refuse(404, invalidRequest(`The model '${id}' does not exist`, 'model', 'model_not_found'));
}

function openAiModel(id: string): { id: string } {
  return Object.assign({ id }, { object: 'model', created: 1_700_000_000, owned_by: 'provider-simulator' });
}

function anthropicModel(id: string): { id: string } {
  return Object.assign({ id }, { type: 'model', display_name: id, created_at: '2026-01-02T00:00:00Z' });
}

function page(data: readonly { id: string }[]): object {
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

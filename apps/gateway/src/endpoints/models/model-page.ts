import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import type { ListedModel } from './listed-model.js';
import { anthropicModel } from './model-shapes.js';

/** Anthropic's: a page has 20 models if the caller does not say how many, and never more than 1000. */
const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 1_000;
const WHOLE_NUMBER = /^\d{1,4}$/;

/**
 * One page of a list in Anthropic's shape, by `limit`, `after_id` and `before_id`. `models` are in the order of their
 * ids, and a cursor is compared with them, so it need not be in the list any more: a page follows it all the same.
 */
export function modelPage(models: readonly ListedModel[], query: URLSearchParams): object | Refusal {
  const limit = limitOf(query.get('limit'));
  if (limit === null)
    return refuse('invalid_request', {
      message: `limit must be a whole number from 1 to ${LIMIT_MAX}.`,
      param: 'limit',
    });
  const [after, before] = [query.get('after_id'), query.get('before_id')];
  if (after !== null && before !== null)
    return refuse('invalid_request', {
      message: 'Only one of after_id and before_id may be given.',
      param: 'after_id',
    });
  const rest = models.filter(({ id }) => (after === null || id > after) && (before === null || id < before));
  const page = before === null ? rest.slice(0, limit) : rest.slice(-limit);
  return {
    data: page.map(anthropicModel),
    has_more: page.length < rest.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function limitOf(text: string | null): number | null {
  if (text === null) return LIMIT_DEFAULT;
  const limit = WHOLE_NUMBER.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= LIMIT_MAX ? limit : null;
}

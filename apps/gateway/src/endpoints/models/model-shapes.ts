import type { ClassPrices } from '@tollgate/pricing';
import type { ListedModel } from './listed-model.js';

/**
 * When a model was made is not known here. OpenAI's clients want a number of seconds, Anthropic's a time, which may be
 * the epoch where it is unknown: https://platform.claude.com/docs/en/api/models/list
 */
const CREATED = 0;
const CREATED_AT = '1970-01-01T00:00:00Z';

/** OpenAI's model: https://platform.openai.com/docs/api-reference/models/object */
export function openAiModel({ id, ownedBy }: ListedModel): object {
  return { id, object: 'model', created: CREATED, owned_by: ownedBy };
}

/** Anthropic's model. */
export function anthropicModel({ id }: ListedModel): object {
  return { type: 'model', id, display_name: id, created_at: CREATED_AT };
}

/** What each API takes that requests are carried to. More is not known of a model. */
const PARAMETERS = ['max_tokens', 'stop', 'temperature', 'tool_choice', 'tools', 'top_p'];

/**
 * OpenRouter's model, with OpenAI's fields beside its own:
 * https://openrouter.ai/docs/api-reference/models/get-models
 */
export function openRouterModel(model: ListedModel): object {
  const { id, contextTokens, maxOutputTokens, reads, answersWith } = model;
  return {
    ...openAiModel(model),
    canonical_slug: id,
    hugging_face_id: null,
    name: id,
    description: '',
    pricing: pricingOf(model),
    context_length: contextTokens,
    architecture: {
      modality: `${['text', ...reads].join('+')}->${['text', ...answersWith].join('+')}`,
      input_modalities: ['text', ...reads],
      output_modalities: ['text', ...answersWith],
      tokenizer: 'Other',
      instruct_type: null,
    },
    top_provider: { context_length: contextTokens, max_completion_tokens: maxOutputTokens, is_moderated: false },
    per_request_limits: null,
    supported_parameters: PARAMETERS,
    supported_voices: null,
    default_parameters: null,
    links: { details: `/api/v1/models/${encodeURIComponent(id)}` },
  };
}

/** Classes of tokens that OpenRouter names only for models that have a price for them, with that of their neighbour. */
const OWN_CLASSES: readonly (readonly [name: string, of: keyof ClassPrices, neighbour: keyof ClassPrices])[] = [
  ['audio', 'audioInputTokens', 'textInputTokens'],
  ['image_token', 'imageInputTokens', 'textInputTokens'],
  ['input_audio_cache', 'cachedAudioTokens', 'audioInputTokens'],
  ['input_cache_write_1h', 'cacheWrite1hTokens', 'cacheWrite5mTokens'],
  ['audio_output', 'audioOutputTokens', 'textOutputTokens'],
];

/** USD for one token of each class, or for one search on the web, as texts. */
function pricingOf({ prices, unpriced, requestNanoUsd, searchNanoUsdPerThousand }: ListedModel): object {
  if (unpriced) return UNKNOWN_PRICING;
  const own = OWN_CLASSES.flatMap(([name, of, neighbour]) => {
    const price = prices[of];
    return price === null || price === prices[neighbour] ? [] : [[name, usdPerToken(price)] as const];
  });
  return {
    prompt: usdPerToken(prices.textInputTokens),
    completion: usdPerToken(prices.textOutputTokens),
    request: usdPerToken(requestNanoUsd * MILLION),
    image: '0',
    web_search: usdPerToken(searchNanoUsdPerThousand * THOUSANDS_IN_MILLION),
    // Reasoning is part of the completion, unless it has a price of its own.
    internal_reasoning: prices.reasoningTokens === prices.textOutputTokens ? '0' : usdPerToken(prices.reasoningTokens),
    input_cache_read: usdPerToken(prices.cachedTextTokens),
    input_cache_write: usdPerToken(prices.cacheWrite5mTokens),
    ...Object.fromEntries(own),
  };
}

/** As OpenRouter writes prices that it cannot tell. */
const UNKNOWN_PRICING = { prompt: '-1', completion: '-1', request: '-1', image: '-1', web_search: '-1' };

const MILLION = 1_000_000n;

/** A fee for a thousand calls, times this, is one for a million. */
const THOUSANDS_IN_MILLION = 1_000n;

/** What OpenRouter's list of models has beside the models: it is whole, so no page follows. */
export function openRouterPage(models: number): object {
  return { total_count: models, links: { next: null } };
}

/** A nano-USD for a million tokens is this part of a USD for one token. */
const DECIMALS = 15;

/** USD for one token as a decimal without trailing zeros: `0.00000015` for 0.15 USD a million. */
export function usdPerToken(nanoUsdPerMillion: bigint): string {
  const digits = nanoUsdPerMillion.toString().padStart(DECIMALS + 1, '0');
  const decimals = digits.slice(-DECIMALS).replace(/0+$/, '');
  return digits.slice(0, -DECIMALS) + (decimals === '' ? '' : `.${decimals}`);
}

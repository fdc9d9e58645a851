import { costBound, unpricedModes, unpricedTool, type BoundExtras, type ModelPrice } from '@tollgate/pricing';
import { toolOfType } from '@tollgate/usage';
import { TEMPLATE_TOKENS, type Ask, type Limits } from '../../dialects/ask.js';
import { inputTokensMax } from '../usage/media-bound.js';
import { shown, targetsAllowing } from '../choose-route/allowed-fields.js';
import type { Route, Target } from '../choose-route/route-table.js';
import { keepTargets, type Routed } from '../exchange/exchange.js';
import { markedUp } from '../exchange/mark-up.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** The message if a provider takes no ceiling of output tokens, so that its answer may be of any length. */
export const NO_CEILING =
  'The provider of this model takes no ceiling of output tokens, so the cost has no bound, and the API key has a credit limit.';

const NO_PRICE =
  'The price of this model is not known, and what this API key spends is limited. prices or default_price of the configuration can name one.';
const NO_PRICE_OF_SOUND =
  'The price of sound in the input of this model is not known, and what this API key spends is limited. audio_input_usd_per_million of an entry of prices can name one.';

/** The message if no provider of a model is known to take a ceiling of 0 for one. */
const NO_END_AT_ZERO =
  "The field max_tokens is 0, which the provider of this model may take for no limit, so the cost has no bound, and the API key has a credit limit. allow_fields of the provider's entry in the configuration can allow the field max_tokens.";

/** An upper bound of a request's cost in nano-USD, and of its output tokens over all choices. */
export interface CostBound {
  readonly amountNanoUsd: bigint;
  readonly outputTokensMax: number;
  /** The model's ceiling, to be put into the body; null if the caller names one. */
  readonly injectedMaxTokens: number | null;
}

/**
 * Computes an upper bound of what is charged for a request: of its cost, with the key's mark-up. Input is its content
 * and the template; output is the ceiling that it names, or the model's, times its choices; the price is the highest of
 * its targets. A request without a bound is refused.
 */
export function boundCost(exchange: Routed): CostBound | Refusal {
  const asked = exchange.ask.limits(isTranslated(exchange));
  if ('kind' in asked) return asked;
  const unknown = refuseUnknown(exchange, asked);
  if (unknown !== undefined) return unknown;
  const added = addedBytes(exchange);
  const limits = added === 0 ? asked : { ...asked, contentTokensMax: asked.contentTokensMax + added };
  const unbounded = refuseUnbounded(exchange) ?? refuseUnpriced(exchange, limits) ?? refuseSearching(exchange, limits);
  if (unbounded !== undefined) return unbounded;
  const { ceiling, choices } = limits;
  const { route, ask } = exchange;
  // Answers such as embeddings have no output tokens, so they need no ceiling.
  if (choices === 0)
    return {
      amountNanoUsd: markedUp(amountOf(route, ask, limits, 0), exchange),
      outputTokensMax: 0,
      injectedMaxTokens: null,
    };
  const canBeBounded = ({ provider }: Target): boolean =>
    provider.injectedFields.takesCeiling || (provider.endAtHold && exchange.ask.stream);
  if (!exchange.targets.every(canBeBounded) && !keepTargets(exchange, exchange.targets.filter(canBeBounded)))
    return refuse('unbounded_cost', { message: NO_CEILING });
  if (ceiling === 0 && !keepTargets(exchange, exchange.targets.filter(endsAtZero)))
    return refuse('unbounded_cost', { message: NO_END_AT_ZERO, param: 'max_tokens' });
  const outputTokensMax = (ceiling ?? route.outputTokensMax) * choices;
  return {
    amountNanoUsd: markedUp(amountOf(route, ask, limits, outputTokensMax), exchange),
    outputTokensMax,
    injectedMaxTokens: ceiling === null ? route.outputTokensMax : null,
  };
}

/** Whether a provider writes nothing for a ceiling of 0, by what is known of it or by its entry. */
function endsAtZero({ provider }: Target): boolean {
  return provider.endsAtZero || provider.allowFields.has('max_tokens');
}

/** Whether each target is sent a translation of the request. */
export function isTranslated({ targets, translations }: Pick<Routed, 'targets' | 'translations'>): boolean {
  return translations !== null && targets.every((target) => translations.has(target));
}

/**
 * How many more tokens the longest translation may have than the caller's own body has bytes. 0 if all targets are sent
 * the caller's own.
 */
export function addedBytes({ ask, translations }: Pick<Routed, 'ask' | 'translations'>): number {
  if (translations === null) return 0;
  let added = 0;
  for (const { inputBound } of translations.values()) added = Math.max(added, inputBound - ask.body.length);
  return added;
}

/**
 * The most that this content and these tokens of output can cost at the targets of a route, in nano-USD. With
 * `contextReads` the input is so many contexts of each model instead; a model that searches on its own reads one at
 * least.
 */
export function amountOf(
  route: Pick<Route, 'prices' | 'targets'>,
  { modes }: Pick<Ask, 'modes'>,
  limits: Pick<Limits, 'contentTokensMax' | 'media' | 'contextReads' | 'providerTools'>,
  outputTokensMax: number,
): bigint {
  const { contentTokensMax, media, contextReads = 0, providerTools } = limits;
  const textTokensMax = contentTokensMax + TEMPLATE_TOKENS;
  const extras = extrasOf(modes, providerTools);
  if (media.length === 0 && contextReads === 0 && !route.targets.some(searches))
    return costBound(route.prices, textTokensMax, outputTokensMax, extras);
  return route.targets.reduce((most, target) => {
    const { model, price } = target;
    const reads = searches(target) ? Math.max(contextReads, 1) : contextReads;
    const inputTokens = reads > 0 ? reads * price.contextTokens : inputTokensMax(textTokensMax, media, model, price);
    const amount = costBound([price], inputTokens, outputTokensMax, searches(target) ? withSearch(extras) : extras);
    return amount > most ? amount : most;
  }, 0n);
}

/** What the request may cause besides tokens, and how it asks to be served; undefined for nothing. */
function extrasOf(modes: Ask['modes'], tools: Limits['providerTools']): BoundExtras | undefined {
  if (tools === undefined && modes === undefined) return undefined;
  return { ...(modes !== undefined && { modes }), ...(tools !== undefined && { tools }) };
}

const WEB_SEARCH = toolOfType('web_search');

const searches = ({ searching }: Target): boolean => searching !== undefined;

/** Adds one search, unless the request itself declares searches. */
function withSearch(extras: BoundExtras = {}): BoundExtras {
  const { tools = [] } = extras;
  if (tools.some(({ names }) => names.includes(WEB_SEARCH))) return extras;
  return { ...extras, tools: [...tools, { names: [WEB_SEARCH], callsMax: 1 }] };
}

/**
 * Refuses models that search on their own if the searches have no bound, or no price, unless the provider's entry
 * allows the field `model`. Targets of such models are removed. Where the request declares the tools of a research
 * model, as Responses demand, these are its bound.
 */
function refuseSearching(exchange: Routed, { contextReads }: Limits): Refusal | undefined {
  if (!exchange.targets.some(searches)) return undefined;
  const faultOf = ({ searching, provider, price, model }: Target): string | null => {
    if (searching === undefined || provider.allowFields.has('model')) return null;
    if (searching === 'freely')
      return contextReads === undefined
        ? `The model ${shown(model)} searches as often as it likes, so the cost has no bound, and the API key has a credit limit. allow_fields of the provider's entry in the configuration can allow the field model.`
        : null;
    return unpricedTool(price, withSearch()) === null
      ? null
      : `The model ${shown(model)} searches for each answer, for which the prices of the model have no fee, and the API key has a credit limit. tool_calls_usd_per_thousand of the price's entry in the configuration can name one for web_search, or 0.`;
  };
  const faults = exchange.targets.map(faultOf);
  const kept = exchange.targets.filter((_, at) => faults[at] === null);
  if (keepTargets(exchange, kept)) return undefined;
  return refuse('unbounded_cost', { message: faults[0] ?? NO_CEILING, param: 'model' });
}

/**
 * Refuses a model whose price is not known, or that has none for a recording in the request. Targets without a price
 * are removed.
 */
function refuseUnknown(exchange: Routed, { media }: Limits): Refusal | undefined {
  const hasSound = media.some(({ kind }) => kind === 'audio');
  if (!hasSound && !exchange.targets.some(isUnpriced)) return undefined;
  const priced = exchange.targets.filter((target) => !isUnpriced(target));
  const kept = hasSound ? priced.filter(({ price }) => price.more?.classes.audioInput !== undefined) : priced;
  if (keepTargets(exchange, kept)) return undefined;
  return refuse('unpriced_model', { message: priced.length === 0 ? NO_PRICE : NO_PRICE_OF_SOUND, param: 'model' });
}

const isUnpriced = ({ unpriced }: Target): boolean => unpriced === true;

/**
 * Refuses what may cost more than the prices of all targets say: a tier, speed or place, or calls of a tool, for which
 * they have none and which the provider's entry does not allow. Targets that have no price for it are removed.
 */
function refuseUnpriced(exchange: Routed, { providerTools }: Limits): Refusal | undefined {
  const { modes, impliedTool } = exchange.ask;
  // A tool that is implied is one that the provider's entry allows.
  const extras = extrasOf(modes, impliedTool === undefined ? providerTools : undefined);
  if (extras === undefined) return undefined;
  // No translation has a tool that a provider runs.
  const translated = extrasOf(modes, undefined);
  const faults = exchange.targets.map((target) => {
    const { price, provider } = target;
    const reaching = exchange.translations?.has(target) === true ? translated : extras;
    const unpriced = reaching === undefined ? [] : faultsOf(price, reaching);
    return unpriced.find(({ param }) => !provider.allowFields.has(param)) ?? null;
  });
  const first = faults[0];
  if (
    first === undefined ||
    keepTargets(
      exchange,
      exchange.targets.filter((_, at) => faults[at] === null),
    )
  )
    return undefined;
  return refuse('unbounded_cost', first ?? {});
}

/** The message about each thing that has no price. */
function faultsOf(price: ModelPrice, extras: BoundExtras): { message: string; param: string }[] {
  const modes = extras.modes === undefined ? [] : unpricedModes(price, extras.modes);
  const faults = modes.map(({ field, value }) => ({
    message: `${field} ${shown(value)} may cost more than the prices of the model say, and the API key has a credit limit. ${field}s of the price's entry in the configuration can name it.`,
    param: field as string,
  }));
  const tool = unpricedTool(price, extras);
  if (tool === null) return faults;
  const message = `Calls of the tool ${shown(tool)} may have a fee that the prices of the model do not name, and the API key has a credit limit. tool_calls_usd_per_thousand of the price's entry in the configuration can name it.`;
  return [...faults, { message, param: 'tools' }];
}

/**
 * Refuses a field whose cost has no bound, or that is unknown, unless a provider's entry allows it. Targets of other
 * providers are removed.
 */
function refuseUnbounded(exchange: Routed): Refusal | undefined {
  const { others } = exchange.ask;
  if (others.length === 0) return undefined;
  const { targets, missing } = targetsAllowing(exchange.targets, others);
  // A translation has no field that is not known.
  const kept = exchange.targets.filter((target) => targets.includes(target) || exchange.translations?.has(target));
  if (keepTargets(exchange, kept) || missing === null) return undefined;
  const { name, use, reason } = missing;
  const field = `The field ${shown(name)}`;
  const why =
    reason?.message ??
    (use === 'unknown'
      ? `${field} is not known.`
      : `${field} asks for something whose cost is not known before the call.`);
  return refuse('unbounded_cost', {
    message: `${why} The API key has a credit limit. allow_fields of the provider's entry in the configuration can allow the field ${shown(name)}.`,
    param: reason?.param ?? shown(name),
  });
}

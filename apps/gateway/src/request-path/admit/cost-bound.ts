import { costBound } from '@tollgate/pricing';
import type { Route, Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange.js';
import { valueAt } from '../receive-body/values.js';
import type { Span } from '../receive-body/scan-body.js';
import { refuse, type Refusal } from '../refusal.js';

/** A token is at least one byte of text; the rest is what a chat template puts around messages. */
export const TEMPLATE_TOKENS = 64;
/** Above this no model goes, and sums stay whole. */
export const TOKENS_MAX = 10_000_000;
const CHOICES_MAX = 128;
/** Parts of a message whose tokens do not follow from their bytes: an image of a few hundred bytes can be thousands of tokens. */
const UNBOUNDED_PARTS: ReadonlySet<string> = new Set(['image_url', 'input_image', 'image', 'input_audio', 'audio', 'file', 'input_file', 'video_url']);
/** A message's own field, which need not nest. */
const AUDIO = Buffer.from('"audio"');
const UNBOUNDED_TEXTS: readonly string[] = [...UNBOUNDED_PARTS].map((part) => `"${part}"`);

/** Said where a provider takes no ceiling of output tokens, so that its answer may be of any length. */
export const NO_CEILING = 'The provider of this model takes no ceiling of output tokens, so the cost has no bound, and the API key has a credit limit.';

export interface CostBound {
  readonly amountNanoUsd: bigint;
  readonly outputTokensMax: number;
  /** The model's ceiling, to be put into the body where the caller names none. */
  readonly injectedMaxTokens: number | null;
}

/**
 * An upper bound of what a request can cost: its bytes and the chat template as input, `max_tokens` or
 * `max_completion_tokens` (else the model's ceiling) times `n` as output, at the dearest price of its targets.
 * What cannot be bounded is refused.
 */
export function boundCost(exchange: Exchange): CostBound | Refusal {
  const { body } = exchange;
  const fields = exchange.fields!;
  const maxTokens = wholeNumber(body, fields.maxTokens);
  if (!isWithin(maxTokens, TOKENS_MAX)) return outOfBounds('max_tokens', TOKENS_MAX);
  const maxCompletionTokens = wholeNumber(body, fields.maxCompletionTokens);
  if (!isWithin(maxCompletionTokens, TOKENS_MAX)) return outOfBounds('max_completion_tokens', TOKENS_MAX);
  const choices = wholeNumber(body, fields.n);
  if (!isWithin(choices, CHOICES_MAX)) return outOfBounds('n', CHOICES_MAX);
  const unbounded = unboundedField(exchange);
  if (unbounded !== null) {
    return refuse('unbounded_cost', { message: `What the field ${unbounded} asks for has no known cost before the call, and the API key has a credit limit.`, param: unbounded });
  }
  const canBeBounded = ({ provider }: Target): boolean => provider.injectedFields.takesCeiling || (provider.endAtHold && exchange.stream);
  if (!exchange.targets.every(canBeBounded)) {
    exchange.targets = exchange.targets.filter(canBeBounded);
    if (exchange.targets.length === 0) return refuse('unbounded_cost', { message: NO_CEILING });
  }
  const named = Math.max(maxTokens ?? 0, maxCompletionTokens ?? 0);
  const ceiling = named > 0 ? named : exchange.route!.outputTokensMax;
  const outputTokensMax = ceiling * (choices ?? 1);
  return {
    amountNanoUsd: amountOf(exchange.route!, body.length, outputTokensMax),
    outputTokensMax,
    injectedMaxTokens: named > 0 ? null : ceiling,
  };
}

function isWithin(value: number | null | undefined, max: number): value is number | null {
  return value === null || (value !== undefined && value >= 1 && value <= max);
}

function outOfBounds(param: string, max: number): Refusal {
  return refuse('invalid_request', { message: `The field ${param} must be a whole number from 1 to ${max}.`, param });
}

/** The most that so many tokens of content and of output can cost at the targets of a route, in nano-USD. */
export function amountOf(route: Pick<Route, 'prices'>, contentTokensMax: number, outputTokensMax: number): bigint {
  return costBound(route.prices, contentTokensMax + TEMPLATE_TOKENS, outputTokensMax);
}

/** The output that a request names as its ceiling, for the tokens-per-minute limit; 0 where it names none that makes sense. */
export function namedOutputTokens(exchange: Exchange): number {
  const { body } = exchange;
  const { maxTokens, maxCompletionTokens } = exchange.fields!;
  const named = Math.max(wholeNumber(body, maxTokens) ?? 0, wholeNumber(body, maxCompletionTokens) ?? 0, 0);
  return Math.min(named * choicesAsked(exchange), TOKENS_MAX);
}

/** How many answers a request asks for; 1 where it does not say, or says something that makes no sense. */
export function choicesAsked({ body, fields }: Exchange): number {
  return Math.max(wholeNumber(body, fields!.n) ?? 1, 1);
}

/** Null where the field is absent or null, undefined where it is something else than a whole number. */
function wholeNumber(body: Buffer, span: Span | null): number | null | undefined {
  if (span === null) return null;
  const value = valueAt(body, span);
  if (value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** Tiers that cost what the price book says, or less. */
const TIERS: ReadonlySet<unknown> = new Set([null, 'auto', 'default', 'flex']);

/** The field that asks for more than text at the price of text: speech, searches, a dearer tier, parts that are no text; null for none. */
function unboundedField(exchange: Exchange): string | null {
  const { body } = exchange;
  const { audio, modalities, nestedMessages, serviceTier, webSearchOptions } = exchange.fields!;
  if (given(body, audio) !== null) return 'audio';
  if (given(body, webSearchOptions) !== null) return 'web_search_options';
  if (!TIERS.has(given(body, serviceTier))) return 'service_tier';
  const kinds = given(body, modalities);
  if (kinds !== null && !(Array.isArray(kinds) && kinds.every((kind) => kind === 'text'))) return 'modalities';
  return (nestedMessages || body.includes(AUDIO)) && hasUnboundedParts(body) ? 'messages' : null;
}

function given(body: Buffer, span: Span | null): unknown {
  return span === null ? null : valueAt(body, span);
}

/**
 * Parts are objects in lists in messages: plain messages, which are most, nest less and are not searched. Most others
 * hold none of the names either. A body that holds one, or spells characters as `\u00..` (which could spell one), is
 * read in full.
 */
function hasUnboundedParts(body: Buffer): boolean {
  const suspicious = body.includes('\\u00') || UNBOUNDED_TEXTS.some((text) => body.includes(text));
  if (!suspicious) return false;
  try {
    return holdsUnboundedPart(JSON.parse(body.toString('utf8')));
  } catch {
    return true;
  }
}

function holdsUnboundedPart(body: { messages?: unknown }): boolean {
  if (!Array.isArray(body.messages)) return false;
  return body.messages.some((message: { content?: unknown; audio?: unknown } | null) => {
    const content = message?.content;
    if ((message?.audio ?? null) !== null) return true;
    return Array.isArray(content) && content.some((part: Record<string, unknown> | null) => typeof part === 'object' && part !== null && (UNBOUNDED_PARTS.has(String(part['type'])) || Object.keys(part).some((name) => UNBOUNDED_PARTS.has(name))));
  });
}

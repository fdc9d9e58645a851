import { costBound } from '@tollgate/pricing';
import { shown, targetsAllowing } from '../choose-route/allowed-fields.js';
import type { Route, Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange/exchange.js';
import { valueAt } from '../../json-scan/values.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** A token is at least one byte of text; the rest is what a chat template puts around messages. */
export const TEMPLATE_TOKENS = 64;
/** Above this no model goes, and sums stay whole. */
export const TOKENS_MAX = 10_000_000;
const CHOICES_MAX = 128;
/** Said where a provider takes no ceiling of output tokens, so that its answer may be of any length. */
export const NO_CEILING =
  'The provider of this model takes no ceiling of output tokens, so the cost has no bound, and the API key has a credit limit.';

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
  const unbounded = refuseUnbounded(exchange);
  if (unbounded !== undefined) return unbounded;
  const canBeBounded = ({ provider }: Target): boolean =>
    provider.injectedFields.takesCeiling || (provider.endAtHold && exchange.stream);
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

/**
 * The output that a request names as its ceiling, for the tokens-per-minute limit; 0 where it names none that makes
 * sense.
 */
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

/**
 * Asks of a body that it be text at the price of text: parts that are no text are refused, and so is each field whose
 * cost has no bound, or that nobody knows, unless a provider's entry allows it. Providers that do not are passed over.
 */
function refuseUnbounded(exchange: Exchange): Refusal | undefined {
  const { textOnly, others } = exchange.fields!;
  if (!textOnly) {
    return refuse('unbounded_cost', {
      message:
        'A message holds something else than text, whose cost is not known before the call, and the API key has a credit limit.',
      param: 'messages',
    });
  }
  if (others.length === 0) return undefined;
  const { targets, missing } = targetsAllowing(exchange.targets, others);
  exchange.targets = targets;
  if (missing === null) return undefined;
  const { name, use } = missing;
  const why = use === 'unknown' ? 'is not known' : 'asks for something whose cost is not known before the call';
  return refuse('unbounded_cost', {
    message: `The field ${shown(name)} ${why}, and the API key has a credit limit. allow_fields of the provider's entry in the configuration can allow it.`,
    param: shown(name),
  });
}

import { hasWildcard } from '@tollgate/access';
import type { FieldFault } from '@tollgate/errors';
import { knownPrice } from '@tollgate/known-prices';
import { CONTEXT_TOKENS_DEFAULT } from './schema.js';

/** An entry of `prices` as far as it can be read. */
interface CheckedPrice {
  readonly provider: string;
  readonly model: string;
  readonly like?: string | undefined;
  readonly source?: string | undefined;
  readonly valid_from?: string | undefined;
  readonly valid_until?: string | undefined;
  readonly hours?: { readonly from: string; readonly until: string } | undefined;
  readonly context_tokens?: number | undefined;
  readonly long_context?: readonly ({ readonly above_input_tokens: number } | null)[] | undefined;
}

/** What is wrong between entries of `prices`, and in each of them. A null is an entry that cannot be read. */
export function priceFaults(
  prices: readonly (CheckedPrice | null)[],
  hasProvider: (name: string) => boolean,
): FieldFault[] {
  const each = (faults: (price: CheckedPrice, index: number) => FieldFault[]): FieldFault[] =>
    prices.flatMap((price, index) => (price === null ? [] : faults(price, index)));
  return [
    ...priceTimeFaults(prices),
    ...each(likeFaults),
    ...each(longContextFaults),
    ...each(({ provider }, index) =>
      hasProvider(provider)
        ? []
        : [{ path: ['prices', index, 'provider'], message: `there is no provider "${provider}"` }],
    ),
  ];
}

/** Entries for one model of one provider at the same time, and entries that never count. */
function priceTimeFaults(prices: readonly (CheckedPrice | null)[]): FieldFault[] {
  return prices.flatMap((price, index) => {
    if (price === null) return [];
    const path = ['prices', index];
    const { valid_from, valid_until, hours } = price;
    const [from, until] = spanOf(price);
    if (valid_from !== undefined && valid_until !== undefined && from >= until)
      return [{ path: [...path, 'valid_until'], message: 'must be later than valid_from' }];
    if (hours !== undefined && hours.from === hours.until)
      return [{ path: [...path, 'hours'], message: 'must not end when they begin' }];
    const other = prices.findIndex((each, at) => at < index && each !== null && overlap(each, price));
    return other === -1 ? [] : [{ path, message: overlapText(price, other) }];
  });
}

function overlapText({ valid_from, valid_until, hours }: CheckedPrice, other: number): string {
  return valid_from === undefined && valid_until === undefined && hours === undefined
    ? 'this model of this provider has a price already'
    : `this model of this provider has a price for some of that time already: prices[${other}]`;
}

/** An entry with hours goes before those without, so these two do not contradict each other. */
function overlap(a: CheckedPrice, b: CheckedPrice): boolean {
  if (a.provider !== b.provider || a.model !== b.model) return false;
  const [[fromA, untilA], [fromB, untilB]] = [spanOf(a), spanOf(b)];
  if (fromA >= untilB || fromB >= untilA) return false;
  if (a.hours === undefined || b.hours === undefined) return a.hours === b.hours;
  return isAt(a.hours, b.hours.from) || isAt(b.hours, a.hours.from);
}

function spanOf({ valid_from, valid_until }: CheckedPrice): readonly [from: number, until: number] {
  const moment = (text: string | undefined, none: number): number => {
    const ms = text === undefined ? NaN : Date.parse(text);
    return Number.isNaN(ms) ? none : ms;
  };
  return [moment(valid_from, -Infinity), moment(valid_until, Infinity)];
}

/** Whether a time of the day (`16:30`) is among hours, which may go beyond midnight. */
function isAt({ from, until }: NonNullable<CheckedPrice['hours']>, time: string): boolean {
  return from < until ? time >= from && time < until : time >= from || time < until;
}

/** Entries that take the price of a model that is not known. */
function likeFaults({ model, like, source }: CheckedPrice, index: number): FieldFault[] {
  const fault = (field: string, from: string, named: string): FieldFault[] => [
    { path: ['prices', index, field], message: `no price of "${named}" at ${from} is known` },
  ];
  if (source !== undefined)
    return hasWildcard(model) || knownPrice(source, model) !== null ? [] : fault('source', source, model);
  const slash = like?.indexOf('/') ?? -1;
  if (like === undefined || slash === -1) return [];
  const [from, named] = [like.slice(0, slash), like.slice(slash + 1)];
  return knownPrice(from, named) === null ? fault('like', from, named) : [];
}

/** A threshold that no call can exceed, or that stands there twice, is a mistake in one of the numbers. */
function longContextFaults(
  { context_tokens = CONTEXT_TOKENS_DEFAULT, long_context = [] }: CheckedPrice,
  index: number,
): FieldFault[] {
  const thresholds = long_context.map((each) => each?.above_input_tokens);
  return thresholds.flatMap((threshold, at) => {
    const path = ['prices', index, 'long_context', at, 'above_input_tokens'];
    if (threshold === undefined) return [];
    if (threshold >= context_tokens)
      return [{ path, message: `must be less than context_tokens, ${context_tokens}: no call has more input` }];
    return thresholds.indexOf(threshold) < at ? [{ path, message: 'another long context begins there' }] : [];
  });
}

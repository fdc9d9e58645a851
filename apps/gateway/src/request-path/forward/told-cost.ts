import { parseJson, writeJson } from '@tollgate/conversation';
import { formatUsd } from '@tollgate/credit';
import { lastField, topLevelField } from '../../json-scan/last-field.js';
import { skipValue, type Span } from '../../json-scan/json-tokens.js';
import { eventEnd, readEvent } from './sse-reader.js';

const USAGE = Buffer.from('"usage"');
/** The name of an object with usage. Quotes within texts are escaped, so no text looks like it. */
const USAGE_OBJECT = /"usage"\s*:\s*(?=\{)/g;
/**
 * A usage that is not known yet, which providers put into the chunks of a stream that was asked for its usage.
 * OpenRouter's chunks have none, and its SDK refuses such a one.
 */
const NO_USAGE = /\s*,\s*"usage"\s*:\s*null(?=\s*[,}])|"usage"\s*:\s*null\s*,/g;
/** Replies above it are not parsed for a usage that stands elsewhere than at their end. */
const PARSED_BYTES_MAX = 1024 * 1024;
/** The most characters after the last usage of a stream that wait for what follows them. */
const HELD_LENGTH_MAX = 64 * 1024;

/** A cost as OpenRouter writes it: a number of USD. None is told where it is not known. */
const costOf = (costNanoUsd: bigint | null): { readonly cost?: number } =>
  costNanoUsd === null ? {} : { cost: Number(formatUsd(costNanoUsd)) };

/** What a provider that resells models says of its own cost, which is not the caller's. */
const OTHERS_COST = ['cost', 'cost_details', 'is_byok'];

/** The JSON of usage with the cost in the place of whatever cost the provider told; null for none. */
function textWithCost(usage: object, costNanoUsd: bigint | null): string {
  const kept = Object.fromEntries(Object.entries(usage).filter(([name]) => !OTHERS_COST.includes(name)));
  return writeJson({ ...kept, ...costOf(costNanoUsd) });
}

/**
 * A plain reply as OpenRouter gives it: with `usage.cost` put in, the charge in USD, or without one where that is null,
 * and of a chat completion with `system_fingerprint`, which its SDK needs and many providers leave out. `missing` is
 * the usage for a reply without any; null if there is none to add. All other bytes stay.
 */
export function replyWithCost(body: Buffer, costNanoUsd: bigint | null, missing: object | null): Buffer {
  return withFingerprint(costPutInto(body, costNanoUsd, missing));
}

function withFingerprint(body: Buffer): Buffer {
  if (!body.includes('"chat.completion"') || body.includes('"system_fingerprint"')) return body;
  const inside = body.indexOf('{') + 1;
  return Buffer.concat([body.subarray(0, inside), NO_FINGERPRINT, body.subarray(inside)]);
}

const NO_FINGERPRINT = Buffer.from('"system_fingerprint":null,');

function costPutInto(body: Buffer, costNanoUsd: bigint | null, missing: object | null): Buffer {
  const span = lastField(body, USAGE);
  const usage = span === undefined ? null : objectIn(body.subarray(span.start, span.end));
  if (span !== undefined && usage !== null) return withText(body, span, textWithCost(usage, costNanoUsd));
  const reply = body.length > PARSED_BYTES_MAX ? null : objectIn(body);
  if (reply === null) return body;
  const told = reply['usage'];
  const known = typeof told === 'object' && told !== null ? told : missing;
  if (known === null) return body;
  const text = textWithCost(known, costNanoUsd);
  const place = topLevelField(body, USAGE);
  if (place !== undefined) return withText(body, place, text);
  const end = body.lastIndexOf('}');
  return withText(body, { start: end, end }, `${Object.keys(reply).length === 0 ? '' : ','}"usage":${text}`);
}

function withText(body: Buffer, { start, end }: Span, text: string): Buffer {
  return Buffer.concat([body.subarray(0, start), Buffer.from(text), body.subarray(end)]);
}

function objectIn(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value = parseJson(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/**
 * Keeps back the last usage that a stream tells, until the charge is known and can be put into it. What follows it
 * waits as well, as long as it may be the rest of the stream: comments, pings, and whatever else delivers nothing. Once
 * more of the answer follows, that usage was not the last one, and passes unchanged. Texts are latin1, and always whole
 * events. Usage that is null is left out of all events.
 */
export class UsageHold {
  /** The event with the usage and all that followed it; empty if there is none. */
  #held = '';
  /** The length of what followed it. */
  #heldAfter = 0;

  /** Takes the next events, and returns those that can be sent. */
  pass(events: string): string {
    if (events === '') return '';
    const text = events.replaceAll(NO_USAGE, '');
    const place = usageAt(text, 0);
    if (place !== -1) return this.#release() + this.#hold(text, place);
    if (this.#held === '') return text;
    if (this.#heldAfter + text.length > HELD_LENGTH_MAX || deliversMore(text, 0)) return this.#release() + text;
    this.#held += text;
    this.#heldAfter += text.length;
    return '';
  }

  /** Keeps the event with the last usage and what follows it, and returns the rest; all if that was not the end. */
  #hold(text: string, place: number): string {
    const [start, end] = eventAround(text, place);
    if (deliversMore(text, end)) return text;
    this.#held = text.slice(start);
    this.#heldAfter = text.length - end;
    return text.slice(0, start);
  }

  #release(): string {
    const held = this.#held;
    this.#held = '';
    this.#heldAfter = 0;
    return held;
  }

  /**
   * Returns the rest of the stream with the charge in the last usage that it tells. `missing` makes an event for a rest
   * that tells none.
   */
  finish(tail: string, costNanoUsd: bigint | null, missing: (cost: { readonly cost?: number }) => string): string {
    const text = this.#release() + tail.replaceAll(NO_USAGE, '');
    const at = usageAt(text, 0);
    if (at === -1) return missing(costOf(costNanoUsd)) + text;
    const bytes = Buffer.from(text.slice(at), 'latin1');
    const end = skipValue(bytes, 0);
    const usage = end < 0 ? null : objectIn(bytes.subarray(0, end));
    if (usage === null) return text;
    const told = Buffer.from(textWithCost(usage, costNanoUsd)).toString('latin1');
    return text.slice(0, at) + told + text.slice(at + end);
  }
}

/** The start and the end of the event at a place in a text of whole events. */
function eventAround(text: string, place: number): readonly [start: number, end: number] {
  const mayHaveCr = text.includes('\r');
  let start = 0;
  let end = eventEnd(text, start, mayHaveCr);
  while (end <= place && end < text.length) {
    start = end;
    end = eventEnd(text, start, mayHaveCr);
  }
  return [start, end];
}

/** Whether an event after `from` delivers more of an answer. */
function deliversMore(text: string, from: number): boolean {
  const mayHaveCr = text.includes('\r');
  for (let at = from; at < text.length;) {
    const end = eventEnd(text, at, mayHaveCr);
    const { data } = readEvent(text.slice(at, end));
    if (data !== null && delivers(data)) return true;
    at = end;
  }
  return false;
}

/** The beginnings of the types of events in Messages and in Responses that are part of an answer. */
const PART_OF_ANSWER = /^(?:content_block_|response\.)/;

/** Whether the data of an event is a part of an answer, in any dialect. */
function delivers(data: string): boolean {
  const event = objectIn(Buffer.from(data, 'latin1'));
  if (event === null) return false;
  const { type, choices } = event;
  if (typeof type === 'string' && PART_OF_ANSWER.test(type)) return true;
  return Array.isArray(choices) && choices.some((choice) => isFilled(choice));
}

/** Whether a choice has a text or a call of a tool, or anything else besides its role and the reason of its end. */
function isFilled(choice: unknown): boolean {
  if (typeof choice !== 'object' || choice === null) return false;
  const { delta, text } = choice as { readonly delta?: unknown; readonly text?: unknown };
  if (typeof text === 'string' && text !== '') return true;
  if (typeof delta !== 'object' || delta === null) return false;
  return Object.entries(delta).some(([name, value]) => name !== 'role' && value !== null && value !== '');
}

/** The place of the last object with usage at or after `from`; -1 for none. */
function usageAt(text: string, from: number): number {
  let at = -1;
  USAGE_OBJECT.lastIndex = from;
  while (USAGE_OBJECT.exec(text) !== null) at = USAGE_OBJECT.lastIndex;
  return at;
}

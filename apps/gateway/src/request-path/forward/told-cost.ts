import { formatUsd } from '@tollgate/credit';
import { lastField } from '../../json-scan/last-field.js';
import { skipValue } from '../../json-scan/json-tokens.js';

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

/** A charge as OpenRouter writes it: a number of USD. */
const costOf = (chargeNanoUsd: bigint): number => Number(formatUsd(chargeNanoUsd));

/** What a provider that resells models says of its own cost, which is not the caller's. */
const OTHERS_COST = ['cost', 'cost_details', 'is_byok'];

/** Usage with the charge in the place of whatever cost the provider told. */
function withCost(usage: object, chargeNanoUsd: bigint): object {
  const kept = Object.fromEntries(Object.entries(usage).filter(([name]) => !OTHERS_COST.includes(name)));
  return { ...kept, cost: costOf(chargeNanoUsd) };
}

/**
 * A plain reply as OpenRouter gives it: with `usage.cost` put in, the charge in USD, and of a chat completion with
 * `system_fingerprint`, which its SDK needs and many providers leave out. `missing` is the usage for a reply without
 * any; null if there is none to add. All other bytes stay, but where the usage does not stand at the end of the reply.
 */
export function replyWithCost(body: Buffer, chargeNanoUsd: bigint, missing: object | null): Buffer {
  return withFingerprint(costPutInto(body, chargeNanoUsd, missing));
}

function withFingerprint(body: Buffer): Buffer {
  if (!body.includes('"chat.completion"') || body.includes('"system_fingerprint"')) return body;
  const inside = body.indexOf('{') + 1;
  return Buffer.concat([body.subarray(0, inside), NO_FINGERPRINT, body.subarray(inside)]);
}

const NO_FINGERPRINT = Buffer.from('"system_fingerprint":null,');

function costPutInto(body: Buffer, chargeNanoUsd: bigint, missing: object | null): Buffer {
  const span = lastField(body, USAGE);
  const usage = span === undefined ? null : objectIn(body.subarray(span.start, span.end));
  if (span !== undefined && usage !== null)
    return Buffer.concat([
      body.subarray(0, span.start),
      Buffer.from(JSON.stringify(withCost(usage, chargeNanoUsd))),
      body.subarray(span.end),
    ]);
  const reply = body.length > PARSED_BYTES_MAX ? null : objectIn(body);
  if (reply === null) return body;
  const told = reply['usage'];
  const known = typeof told === 'object' && told !== null ? told : missing;
  return known === null ? body : Buffer.from(JSON.stringify({ ...reply, usage: withCost(known, chargeNanoUsd) }));
}

function objectIn(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/**
 * Keeps back the last event of a stream if it tells usage, until the charge is known and can be put into it. Texts are
 * latin1, and always whole events. If more events follow, it was not the last one, and passes unchanged. Usage that is
 * null is left out of all events.
 */
export class UsageHold {
  #held = '';

  /** Takes the next events, and returns those that can be sent. */
  pass(events: string): string {
    if (events === '') return '';
    const text = this.#held + events.replaceAll(NO_USAGE, '');
    const last = lastEventStart(text);
    const isHeld = usageAt(text, last) !== -1;
    this.#held = isHeld ? text.slice(last) : '';
    return isHeld ? text.slice(0, last) : text;
  }

  /**
   * Returns the rest of the stream with the charge in the last usage that it tells. `missing` makes an event for a rest
   * that tells none.
   */
  finish(tail: string, chargeNanoUsd: bigint, missing: (cost: number) => string): string {
    const text = this.#held + tail.replaceAll(NO_USAGE, '');
    this.#held = '';
    const at = usageAt(text, 0);
    if (at === -1) return missing(costOf(chargeNanoUsd)) + text;
    const bytes = Buffer.from(text.slice(at), 'latin1');
    const end = skipValue(bytes, 0);
    const usage = end < 0 ? null : objectIn(bytes.subarray(0, end));
    if (usage === null) return text;
    const told = Buffer.from(JSON.stringify(withCost(usage, chargeNanoUsd))).toString('latin1');
    return text.slice(0, at) + told + text.slice(at + end);
  }
}

/** The start of the last event in a text of whole events. */
function lastEventStart(text: string): number {
  const before = text.trimEnd().length - 1;
  const lf = text.lastIndexOf('\n\n', before);
  const crLf = text.lastIndexOf('\r\n\r\n', before);
  return Math.max(lf === -1 ? 0 : lf + 2, crLf === -1 ? 0 : crLf + 4);
}

/** The place of the last object with usage at or after `from`; -1 for none. */
function usageAt(text: string, from: number): number {
  let at = -1;
  USAGE_OBJECT.lastIndex = from;
  while (USAGE_OBJECT.exec(text) !== null) at = USAGE_OBJECT.lastIndex;
  return at;
}

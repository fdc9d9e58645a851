import type { AssistantPart, SealedThought, ThinkingPart, ToolCallPart } from '../conversation.js';
import type { JsonObject, ProviderSeal } from '../dialect-codec.js';
import { writeJson } from '../exact-json.js';
import { fieldsOf, isObject, itemsOf, parseObject, textOf } from '../fields.js';

/** What a seal of a provider's fields belongs to: the call after it, the call before it, or the whole message. */
type Place = Extract<SealedThought['kind'], 'call' | 'called' | 'message'>;

/**
 * The fields of a tool call that only its provider can read, as JSON; null if it has none. Gemini refuses a call in the
 * history that had a signature and comes back without; of parallel calls the first alone has one:
 * ai.google.dev/gemini-api/docs/thought-signatures.
 */
export function callFields(call: JsonObject): string | null {
  const extra = signedExtra(call);
  return extra === null ? null : writeJson({ extra_content: extra });
}

/** `extra_content`, if it has a signature. What has none says how a text is to be shown. */
function signedExtra(value: JsonObject): JsonObject | null {
  const extra = value['extra_content'];
  if (!isObject(extra)) return null;
  const isSigned = Object.values(extra).some((ofMaker) => textOf(fieldsOf(ofMaker)['thought_signature']) !== null);
  return isSigned ? extra : null;
}

/**
 * Gathers the fields of a message that only its provider can read, from the whole message or from the deltas of a
 * stream: `extra_content`, and `reasoning_details` of OpenRouter, which wants all of them back if one is encrypted or
 * signed: openrouter.ai/docs/use-cases/reasoning-tokens, "Preserving reasoning blocks".
 */
export class MessageFields {
  private extra: JsonObject | null = null;
  private details: JsonObject[] = [];
  private isSealed = false;

  take(message: JsonObject): void {
    if (message['extra_content'] !== undefined) this.extra = signedExtra(message) ?? this.extra;
    if (message['reasoning_details'] !== undefined)
      for (const detail of itemsOf(message['reasoning_details'])) if (isObject(detail)) this.add(detail);
  }

  /** What was gathered since the last time, as JSON; null for nothing. */
  next(): string | null {
    const { extra, details, isSealed } = this;
    if (extra === null && !isSealed) return null;
    this.extra = null;
    if (isSealed) this.details = [];
    this.isSealed = false;
    return writeJson({
      ...(extra === null ? {} : { extra_content: extra }),
      ...(isSealed ? { reasoning_details: details } : {}),
    });
  }

  /** A text comes in pieces, and perhaps its signature in one of its own. */
  private add(detail: JsonObject): void {
    this.isSealed ||= textOf(detail['data']) !== null || textOf(detail['signature']) !== null;
    const last = this.details.at(-1);
    const goesOn =
      last !== undefined &&
      detail['type'] === last['type'] &&
      detail['index'] === last['index'] &&
      detail['data'] === undefined &&
      last['data'] === undefined;
    if (!goesOn) this.details.push(detail);
    else this.details[this.details.length - 1] = { ...last, ...detail, ...joined(last, detail) };
  }
}

function joined(last: JsonObject, detail: JsonObject): JsonObject {
  const names = ['text', 'summary'].filter((name) => textOf(last[name]) !== null);
  return Object.fromEntries(names.map((name) => [name, `${textOf(last[name]) ?? ''}${textOf(detail[name]) ?? ''}`]));
}

/** A thought without text that keeps these fields. None if there are none, or if clients are not to get them. */
export function thoughtOf(
  fields: string | null,
  place: Place,
  seal: ProviderSeal | undefined,
): readonly ThinkingPart[] {
  const sealed = sealedFields(fields, place, seal);
  return sealed === null ? [] : [{ kind: 'thinking', text: '', sealed }];
}

/** The seal of these fields; null if there are none, or if clients are not to get them. */
export function sealedFields(
  fields: string | null,
  place: Place,
  seal: ProviderSeal | undefined,
): SealedThought | null {
  if (fields === null || seal === undefined) return null;
  return { maker: 'compatible', kind: place, data: seal.seal(fields) };
}

/** The fields of a message and of its calls that its provider is to get back. */
export interface OpenedFields {
  readonly ofMessage: JsonObject;
  readonly ofCalls: ReadonlyMap<ToolCallPart, JsonObject>;
}

const NOTHING: OpenedFields = { ofMessage: {}, ofCalls: new Map() };

/** Reads from the thoughts of a turn what this provider is to get back. */
export function openedFields(parts: readonly AssistantPart[], seal: ProviderSeal | undefined): OpenedFields {
  if (seal === undefined || !parts.some(isOfProvider)) return NOTHING;
  const ofCalls = new Map<ToolCallPart, JsonObject>();
  let ofMessage: JsonObject = {};
  let next: JsonObject | null = null;
  let last: ToolCallPart | null = null;
  for (const part of parts) {
    if (part.kind === 'tool_call') {
      if (next !== null) ofCalls.set(part, next);
      [last, next] = [part, null];
    }
    if (!isOfProvider(part)) continue;
    const text = seal.open(part.sealed.data);
    const fields = text === null ? null : parseObject(text);
    if (fields === null) continue;
    if (part.sealed.kind === 'message') ofMessage = withDetails(ofMessage, fields);
    else if (part.sealed.kind === 'call') next = fields;
    else if (last !== null) ofCalls.set(last, fields);
  }
  return { ofMessage, ofCalls };
}

/** A stream may give some of `reasoning_details` before its calls, and some after them. */
function withDetails(first: JsonObject, second: JsonObject): JsonObject {
  const details = [...itemsOf(first['reasoning_details']), ...itemsOf(second['reasoning_details'])];
  return { ...first, ...second, ...(details.length === 0 ? {} : { reasoning_details: details }) };
}

function isOfProvider(part: AssistantPart): part is ThinkingPart & { readonly sealed: SealedThought } {
  return part.kind === 'thinking' && part.sealed?.maker === 'compatible';
}

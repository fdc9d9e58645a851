import type { Citation } from '../answer.js';
import type { SealedThought } from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import { isBlank } from '../fields.js';
import { packSeal } from '../foreign-seal.js';
import { fittingId, OPENAI_RESPONSES_CALL_IDS } from '../names.js';
import { nameFields } from './namespaces.js';

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

/** A part of a message. */
export interface ContentDraft {
  readonly kind: 'text' | 'refusal';
  text: string;
  readonly citations: Citation[];
}

/** An item of the output, while it grows. */
export type ItemDraft =
  | { readonly kind: 'message'; readonly content: ContentDraft[] }
  | { readonly kind: 'reasoning'; text: string; sealed: SealedThought | null }
  | {
      readonly kind: 'call';
      readonly callId: string;
      readonly name: string;
      readonly custom: boolean;
      input: string;
    };

/** How ids of items begin, by what they are: as OpenAI's own do. */
function prefixOf(draft: ItemDraft): string {
  if (draft.kind === 'message') return 'msg';
  if (draft.kind === 'reasoning') return 'rs';
  return draft.custom ? 'ctc' : 'fc';
}

/** The id of the item at a place of the output, made from the id of the request. */
export function itemId(draft: ItemDraft, requestId: string, outputIndex: number): string {
  return `${prefixOf(draft)}_${compact(requestId)}_${outputIndex}`;
}

/** The id of a request as it stands in ids of Responses, which have no dashes. */
export function compact(requestId: string): string {
  return requestId.replaceAll('-', '');
}

/** The item as it stands in `output`. */
export function writeItem(draft: ItemDraft, id: string, status: ItemStatus): JsonObject {
  switch (draft.kind) {
    case 'message':
      return { id, type: 'message', status, role: 'assistant', content: draft.content.map(writeContent) };
    case 'reasoning':
      return {
        id,
        type: 'reasoning',
        summary: draft.text === '' ? [] : [summaryPart(draft.text)],
        encrypted_content: draft.sealed === null ? null : sealText(draft.sealed),
        status,
      };
    case 'call': {
      const call = { status, call_id: draft.callId, ...nameFields(draft.name) };
      return draft.custom
        ? { id, type: 'custom_tool_call', ...call, input: draft.input }
        : { id, type: 'function_call', ...call, arguments: draft.input };
    }
    default:
      return draft satisfies never;
  }
}

/** The item as it is added in a stream: without what follows. */
export function writeNewItem(draft: ItemDraft, id: string): JsonObject {
  const empty: ItemDraft =
    draft.kind === 'message'
      ? { kind: 'message', content: [] }
      : draft.kind === 'reasoning'
        ? { kind: 'reasoning', text: '', sealed: null }
        : { ...draft, input: '' };
  return writeItem(empty, id, 'in_progress');
}

export function writeContent(part: ContentDraft): JsonObject {
  if (part.kind === 'refusal') return { type: 'refusal', refusal: part.text };
  return { type: 'output_text', text: part.text, annotations: annotationsOf(part), logprobs: [] };
}

export function summaryPart(text: string): JsonObject {
  return { type: 'summary_text', text };
}

/**
 * The citations of a text that have an address: others cite documents of the request, for which OpenAI has ids of files
 * alone. One without a place cites the whole text.
 */
export function annotationsOf({ citations, text }: ContentDraft): readonly JsonObject[] {
  return citations.flatMap(({ url, title, start, end }) =>
    url === null
      ? []
      : [{ type: 'url_citation', url, title: title ?? '', start_index: start ?? 0, end_index: end ?? text.length }],
  );
}

/** The id of a call, which clients send back: OpenAI takes no long ones. */
export function sentCallId(id: string): string {
  return fittingId(id, OPENAI_RESPONSES_CALL_IDS);
}

/** The input of a call: that of a function without arguments is an empty object. */
export function wholeInput({ input, custom }: { readonly input: string; readonly custom: boolean }): string {
  return custom || !isBlank(input) ? input : '{}';
}

/** OpenAI binds a seal to the id of its item. It is kept in the text, since the id of the item here is another. */
function sealText(sealed: SealedThought): string {
  return sealed.maker === 'openai' && sealed.id === undefined ? sealed.data : packSeal(sealed);
}

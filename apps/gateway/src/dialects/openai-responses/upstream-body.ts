import { CALL_SEAL, openCallId } from '@tollgate/conversation';
import { COMMA, skipSpace, type Span } from '../../json-scan/json-tokens.js';
import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { UpstreamCall } from '../ask.js';
import { modelSplice, splice, type Splice } from '../openai/splice.js';
import type { ResponsesHead } from './read-head.js';

/** A Responses body with the values of its fields. */
export interface ReadResponses {
  readonly body: Buffer;
  readonly head: ResponsesHead;
  readonly hasCeiling: boolean;
}

/**
 * The caller's own bytes with the target's `model`, with a ceiling of the output if the call holds credit and the
 * caller names none, and with `others`, which belong to the target. Ids of calls lose what they keep for another
 * provider. All other bytes stay. `call.injected` notes what was put in.
 */
export function upstreamBody(
  { body, head, hasCeiling }: ReadResponses,
  { model }: Target,
  call: UpstreamCall,
  others: readonly Splice[],
): Buffer {
  const { fields } = head;
  const splices: Splice[] = [...others, ...callIdSplices(body, others)];
  modelSplice(head.model, model, fields.model, splices);
  const { holdNanoUsd, injectedMaxTokens, ceilingLeftOut } = call;
  const isInjected = hasCeiling && holdNanoUsd !== null && injectedMaxTokens !== null && !ceilingLeftOut;
  if (isInjected) splices.push(ceilingSplice(fields, injectedMaxTokens));
  call.injected = isInjected
    ? { ceiling: 'max_output_tokens', ceilingTokens: injectedMaxTokens, streamOptions: false }
    : NOTHING_INJECTED;
  return splice(body, splices);
}

/** The ids of calls, in calls and in their results. In a text the quotes around the name are escaped. */
const CALL_IDS = /(?<!\\)"call_id"\s*:\s*"([^"\\]*)"/g;

/** OpenAI refuses long ids, and what other providers had kept in them is for those alone. */
function callIdSplices(body: Buffer, others: readonly Splice[]): Splice[] {
  if (!body.includes(CALL_SEAL)) return [];
  const removed = others.filter(({ start, end }) => start < end).sort((a, b) => a.start - b.start);
  let next = 0;
  return [...body.toString('latin1').matchAll(CALL_IDS)].flatMap((found) => {
    const [{ length }, callId = ''] = found;
    const end = found.index + length - 1;
    const start = end - callId.length + openCallId(callId).id.length;
    while ((removed[next]?.end ?? Infinity) <= start) next += 1;
    const isRemoved = (removed[next]?.start ?? Infinity) < end;
    return start === end || isRemoved ? [] : [{ start, end, text: '' }];
  });
}

function ceilingSplice({ open, maxOutputTokens }: ResponsesHead['fields'], tokens: number): Splice {
  if (maxOutputTokens !== null) return { ...maxOutputTokens, text: String(tokens) };
  return { start: open, end: open, text: `"max_output_tokens":${tokens},` };
}

/**
 * Removes items from the list that they are in, in the order of the body, with the commas that go with them.
 *
 * @example
 * withoutItems(Buffer.from('[1,2,3]'), [{ start: 3, end: 4 }, { start: 5, end: 6 }]); // removes ",2,3"
 */
export function withoutItems(body: Buffer, items: readonly Span[]): Splice[] {
  const splices: Splice[] = [];
  for (let at = 0; at < items.length; at++) {
    const start = items[at]?.start ?? 0;
    let end = items[at]?.end ?? 0;
    // Neighbours are removed together.
    for (let next = items[at + 1]; next !== undefined && isFollowedBy(body, end, next); next = items[at + 1]) {
      end = next.end;
      at += 1;
    }
    const after = skipSpace(body, end);
    const before = lastByteBefore(body, start);
    if (body[after] === COMMA) splices.push({ start, end: after + 1, text: '' });
    else if (body[before] === COMMA) splices.push({ start: before, end, text: '' });
    else splices.push({ start, end, text: '' });
  }
  return splices;
}

function isFollowedBy(body: Buffer, end: number, next: Span): boolean {
  const comma = skipSpace(body, end);
  return body[comma] === COMMA && skipSpace(body, comma + 1) === next.start;
}

const SPACE = 0x20;

function lastByteBefore(body: Buffer, start: number): number {
  let at = start - 1;
  while (at > 0 && (body[at] ?? 0) <= SPACE) at -= 1;
  return at;
}

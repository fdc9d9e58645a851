import { CALL_SEAL, openCallId } from '@tollgate/conversation';
import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { injectedCeiling, type UpstreamCall } from '../ask.js';
import { modelSplice, splice, withoutFields, type Splice } from '../openai/splice.js';
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
  target: Target,
  call: UpstreamCall,
  others: readonly Splice[],
): Buffer {
  const { model, provider } = target;
  const { fields } = head;
  const cut = [...others, ...withoutFields(body, fields.omitted, provider)];
  const splices: Splice[] = [...cut, ...callIdSplices(body, cut)];
  modelSplice(head.model, model, fields.model, splices);
  const { holdNanoUsd, ceilingLeftOut } = call;
  const injectedMaxTokens = injectedCeiling(call, target);
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

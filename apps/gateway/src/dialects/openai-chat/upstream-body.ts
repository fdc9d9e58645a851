import { valueAt } from '../../json-scan/values.js';
import { NOTHING_INJECTED, type FieldNames } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { injectedCeiling, type UpstreamCall } from '../ask.js';
import { modelSplice, splice, withoutFields, type Splice } from '../openai/splice.js';
import type { ChatFields, ChatHead } from './chat-fields.js';

type Ceiling = keyof typeof CEILINGS;
type ReadChat = ChatHead & { readonly body: Buffer };

const CEILINGS = { max_completion_tokens: 'maxCompletionTokens', max_tokens: 'maxTokens' } as const;
const MAX_COMPLETION_TOKENS = Buffer.from('"max_completion_tokens"');

/**
 * The caller's own bytes, without fields that no provider is sent, with up to three splices: the target's `model`; the
 * output ceiling, if the call holds credit, under the name that the provider takes; and `stream_options.include_usage`
 * for streams, if the provider takes that. All other bytes stay. `call.injected` notes what was put in.
 */
export function upstreamBody(ask: ReadChat, target: Target, call: UpstreamCall): Buffer {
  const { model, provider } = target;
  const names = call.fieldNames ?? provider.injectedFields.of(model);
  const splices: Splice[] = [...withoutFields(ask.body, ask.fields.omitted, provider)];
  modelSplice(ask.model, model, ask.fields.model, splices);
  const ceilingTokens = injectedCeiling(call, target);
  const ceiling = spliceCeiling(ask, call, ceilingTokens, names, splices);
  const streamOptions = ask.stream && !ask.asksUsage && names.streamOptions;
  if (streamOptions) splices.push(streamOptionsSplice(ask.body, ask.fields));
  call.injected =
    ceiling === null && !streamOptions
      ? NOTHING_INJECTED
      : { ceiling, ceilingTokens: ceiling === null ? null : ceilingTokens, streamOptions };
  return splice(ask.body, splices);
}

/**
 * Makes sure that the provider reads a ceiling if credit is held for one, even if the caller gave it under another
 * name: a provider that ignores an unknown name would write without end.
 */
function spliceCeiling(
  { body, fields }: ReadChat,
  { holdNanoUsd, ceilingLeftOut }: UpstreamCall,
  injectedMaxTokens: number | null,
  { ceilingField }: FieldNames,
  splices: Splice[],
): Ceiling | null {
  if (holdNanoUsd === null || ceilingField === 'none' || ceilingLeftOut) return null;
  const place = fields[CEILINGS[ceilingField]];
  if (injectedMaxTokens !== null) {
    if (place !== null) splices.push({ ...place, text: String(injectedMaxTokens) });
    else splices.push({ start: fields.open, end: fields.open, text: `"${ceilingField}":${injectedMaxTokens},` });
    return ceilingField;
  }
  // OpenAI accepts max_tokens too, and so do models that do not say so.
  const named = fields.maxCompletionTokens;
  if (ceilingField !== 'max_tokens' || named === null || (place !== null && valueAt(body, place) !== null)) return null;
  if (place !== null) {
    splices.push({ ...place, text: body.toString('latin1', named.start, named.end) });
  } else {
    const start = body.lastIndexOf(MAX_COMPLETION_TOKENS, named.start);
    splices.push({ start, end: start + MAX_COMPLETION_TOKENS.length, text: `"${ceilingField}"` });
  }
  return ceilingField;
}

/** Asks for the usage of a stream, beside the options that the caller wrote. */
export function streamOptionsSplice(
  body: Buffer,
  { open, streamOptions: span }: Pick<ChatFields, 'open' | 'streamOptions'>,
): Splice {
  if (span === null) return { start: open, end: open, text: '"stream_options":{"include_usage":true},' };
  return {
    ...span,
    text: JSON.stringify({ ...(valueAt(body, span) as Record<string, unknown> | null), include_usage: true }),
  };
}

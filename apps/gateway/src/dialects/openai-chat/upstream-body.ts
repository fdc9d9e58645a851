import type { Target } from '../../request-path/choose-route/route-table.js';
import type { Exchange } from '../../request-path/exchange/exchange.js';
import { valueAt } from '../../json-scan/values.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { NOTHING_INJECTED, type FieldNames, type Injected } from '../../providers/injected-fields.js';

interface Splice extends Span {
  readonly text: string;
}

type Ceiling = NonNullable<Injected['ceiling']>;

const CEILINGS = { max_completion_tokens: 'maxCompletionTokens', max_tokens: 'maxTokens' } as const;
const MAX_COMPLETION_TOKENS = Buffer.from('"max_completion_tokens"');

/**
 * The caller's own bytes with three things spliced in: the target's `model`; for a call that holds credit the output
 * ceiling, under the name that the provider takes; and `stream_options.include_usage` for streams, where the provider
 * takes that. Nothing else is touched. What was put in is noted in `exchange.injected`.
 */
export function upstreamBody(exchange: Exchange, target: Target): Buffer {
  const { body } = exchange;
  const splices = splicesOf(exchange, target);
  if (splices.length === 0) return body;
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end, text } of splices.sort((a, b) => a.start - b.start)) {
    parts.push(body.subarray(at, start), Buffer.from(text));
    at = end;
  }
  parts.push(body.subarray(at));
  return Buffer.concat(parts);
}

function splicesOf(exchange: Exchange, { model, provider }: Target): Splice[] {
  const fields = exchange.fields!;
  const names = exchange.fieldNames ?? provider.injectedFields.of(model);
  const splices: Splice[] = [];
  if (exchange.model !== model) splices.push({ ...fields.model!, text: JSON.stringify(model) });
  const ceiling = spliceCeiling(exchange, names, splices);
  const streamOptions = exchange.stream && !exchange.showUsage && names.streamOptions;
  if (streamOptions) splices.push(streamOptionsOf(exchange));
  exchange.injected =
    ceiling === null && !streamOptions
      ? NOTHING_INJECTED
      : { ceiling, ceilingTokens: ceiling === null ? null : exchange.injectedMaxTokens, streamOptions };
  return splices;
}

/**
 * Sees to it that the provider reads a ceiling where credit is held for one, also where the caller named it by the
 * other of its names: a provider that passes over a name it does not know would write on without end.
 */
function spliceCeiling(exchange: Exchange, { ceilingField }: FieldNames, splices: Splice[]): Ceiling | null {
  const { body, holdNanoUsd, injectedMaxTokens } = exchange;
  if (holdNanoUsd === null || ceilingField === 'none' || exchange.ceilingLeftOut) return null;
  const fields = exchange.fields!;
  const place = fields[CEILINGS[ceilingField]];
  if (injectedMaxTokens !== null) {
    if (place !== null) splices.push({ ...place, text: String(injectedMaxTokens) });
    else splices.push({ start: fields.open, end: fields.open, text: `"${ceilingField}":${injectedMaxTokens},` });
    return ceilingField;
  }
  // OpenAI reads max_tokens too, and models that do not say so.
  if (ceilingField !== 'max_tokens' || (place !== null && valueAt(body, place) !== null)) return null;
  const named = fields.maxCompletionTokens!;
  if (place !== null) {
    splices.push({ ...place, text: body.toString('latin1', named.start, named.end) });
  } else {
    const start = body.lastIndexOf(MAX_COMPLETION_TOKENS, named.start);
    splices.push({ start, end: start + MAX_COMPLETION_TOKENS.length, text: `"${ceilingField}"` });
  }
  return ceilingField;
}

function streamOptionsOf({ body, fields }: Exchange): Splice {
  const { open, streamOptions: span } = fields!;
  if (span === null) return { start: open, end: open, text: '"stream_options":{"include_usage":true},' };
  return {
    ...span,
    text: JSON.stringify({ ...(valueAt(body, span) as Record<string, unknown> | null), include_usage: true }),
  };
}

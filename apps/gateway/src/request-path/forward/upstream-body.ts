import type { Exchange } from '../exchange.js';
import { valueAt } from '../receive-body/values.js';
import type { Span } from '../receive-body/scan-body.js';

interface Splice extends Span {
  readonly text: string;
}

/**
 * The caller's own bytes with three things spliced in: the target's `model`, the output ceiling where the caller
 * names none, and `stream_options.include_usage` for streams. Nothing else is touched.
 */
export function upstreamBody(exchange: Exchange, model: string): Buffer {
  const { body } = exchange;
  const splices = splicesOf(exchange, model);
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

function splicesOf(exchange: Exchange, model: string): Splice[] {
  const { body, injectedMaxTokens } = exchange;
  const fields = exchange.fields!;
  const splices: Splice[] = [];
  let added = '';
  if (exchange.model !== model) splices.push({ ...fields.model!, text: JSON.stringify(model) });
  if (injectedMaxTokens !== null) {
    if (fields.maxCompletionTokens === null) added += `"max_completion_tokens":${injectedMaxTokens},`;
    else splices.push({ ...fields.maxCompletionTokens, text: String(injectedMaxTokens) });
  }
  if (exchange.stream) {
    const span = fields.streamOptions;
    if (span === null) added += '"stream_options":{"include_usage":true},';
    else if (!exchange.showUsage) splices.push({ ...span, text: JSON.stringify({ ...(valueAt(body, span) as Record<string, unknown> | null), include_usage: true }) });
  }
  if (added !== '') splices.push({ start: fields.open, end: fields.open, text: added });
  return splices;
}

import type { Span } from '../../json-scan/json-tokens.js';

/** Bytes of a body and the text that replaces them. */
export interface Splice extends Span {
  readonly text: string;
}

/** A copy of the body with the texts put in; the same buffer if there are none. */
export function splice(body: Buffer, splices: Splice[]): Buffer {
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

/** Replaces the caller's model by the target's, if they differ. */
export function modelSplice(asked: string, model: string, span: Span | null, splices: Splice[]): void {
  if (asked !== model && span !== null) splices.push({ ...span, text: JSON.stringify(model) });
}

import { COMMA, skipSpace, type Span } from '../../json-scan/json-tokens.js';
import type { Provider } from '../../providers/provider.js';
import type { OmittedField } from '../request-scan/field-table.js';

/** Bytes of a body and the text that replaces them. */
export interface Splice extends Span {
  readonly text: string;
}

/**
 * A copy of the body with the texts put in; the same buffer if there are none. What is put in at a place stands before
 * what is removed from there.
 */
export function splice(body: Buffer, splices: Splice[]): Buffer {
  if (splices.length === 0) return body;
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end, text } of splices.sort((a, b) => a.start - b.start || a.end - b.end)) {
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

/** Cuts out the fields that a provider is not sent. Its entry in the configuration may allow some of them. */
export function withoutFields(
  body: Buffer,
  omitted: readonly OmittedField[],
  provider: Pick<Provider, 'allowFields'>,
): readonly Splice[] {
  return omitted.length === 0
    ? NOTHING
    : withoutItems(
        body,
        omitted.filter(({ name }) => !provider.allowFields.has(name)),
      );
}

const NOTHING: readonly Splice[] = [];

/**
 * Removes items from the list, or members from the object, that they are in, with the commas that go with them. They
 * are given in the order of the body.
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

import type { Citation } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { fieldsOf, itemsOf, numberOf, textOf } from '../fields.js';

/** Citations in `annotations`: `{type: "url_citation", url_citation: {url, title, start_index, end_index}}`. */
export function readCitations(annotations: unknown): readonly Citation[] {
  return itemsOf(annotations).flatMap((item) => {
    const original = fieldsOf(item);
    const citation = fieldsOf(original['url_citation']);
    const url = textOf(citation['url']);
    if (original['type'] !== 'url_citation' || url === null) return [];
    return [
      {
        url,
        title: textOf(citation['title']),
        // OpenRouter gives the words that were found.
        quoted: textOf(citation['content']),
        start: numberOf(citation['start_index']),
        end: numberOf(citation['end_index']),
        original,
      },
    ];
  });
}

/**
 * A citation as an annotation of the text that begins at `offset` in the answer's content and ends at `end`, for which
 * it stands if it has no place of its own. Chat cites web pages alone: of a document it says nothing.
 */
export function writeCitations(citations: readonly Citation[], offset: number, end: number): readonly JsonObject[] {
  return citations.flatMap(({ url, title, quoted, start, end: last }) => {
    if (url === null) return [];
    const place = {
      start_index: start === null ? offset : start + offset,
      end_index: last === null ? end : last + offset,
    };
    return [
      {
        type: 'url_citation',
        url_citation: { url, title: title ?? url, ...(quoted === null ? {} : { content: quoted }), ...place },
      },
    ];
  });
}

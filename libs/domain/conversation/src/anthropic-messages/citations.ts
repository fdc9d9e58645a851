import type { Citation } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { isObject, itemsOf, textOf } from '../fields.js';

/** platform.claude.com/docs/en/build-with-claude/citations. A block of text is cited as a whole: it has no places. */
export function readCitation(citation: unknown): Citation | null {
  if (!isObject(citation) || typeof citation['type'] !== 'string') return null;
  const { url, title, document_title: documentTitle, source, cited_text: quoted } = citation;
  return {
    url: textOf(url) ?? (citation['type'] === 'search_result_location' ? textOf(source) : null),
    title: textOf(title) ?? textOf(documentTitle),
    quoted: textOf(quoted),
    start: null,
    end: null,
    original: citation,
  };
}

export function readCitations(citations: unknown): readonly Citation[] {
  return itemsOf(citations).flatMap((citation) => readCitation(citation) ?? []);
}

const ANTHROPICS_OWN = [
  'char_location',
  'page_location',
  'content_block_location',
  'web_search_result_location',
  'search_result_location',
];

/** A citation for an Anthropic client; null for one without an address, for which Anthropic has no form. */
export function writeCitation({ url, title, quoted, original }: Citation): JsonObject | null {
  if (typeof original['type'] === 'string' && ANTHROPICS_OWN.includes(original['type'])) return original;
  if (url === null) return null;
  // The index is Anthropic's own, for its own search.
  return { type: 'web_search_result_location', url, title, cited_text: quoted ?? '', encrypted_index: '' };
}

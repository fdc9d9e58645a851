/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What a template may hold: text, which is escaped, and parts that are HTML. */
export type HtmlPart = string | number | Html | readonly Html[];

/**
 * A template whose parts are escaped, in text and in attributes in quotes.
 *
 * @example
 * html`<label for="${id}">${text}</label>`
 */
export function html(texts: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return new Html(texts.reduce((done, text, n) => done + written(parts[n - 1] ?? '') + text));
}

function written(part: HtmlPart): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map((each) => each.text).join('');
  return String(part).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

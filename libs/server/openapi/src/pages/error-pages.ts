import { readFileSync } from 'node:fs';
import { ERRORS, type ErrorCode } from '@tollgate/errors';
import { errorPath, htmlPage, inline, markdown } from './html.js';

/** The texts of `docs/errors.md` by code, in Markdown. A spec writes the file, since an image has no `docs`. */
export const ERROR_TEXTS_FILE = new URL('../../documents/errors.json', import.meta.url);

/** What the page of the errors says of each code behind its status. */
export function errorTextsOf(page: string): Record<string, string> {
  const sections = page.split(/^## /m).slice(1);
  return Object.fromEntries(
    sections.map((section) => {
      const [code = '', ...lines] = section.split('\n');
      return [
        code,
        lines
          .filter((line) => !/^\*\*\d{3}\.\*\*/.test(line))
          .join('\n')
          .trim(),
      ];
    }),
  );
}

const texts = JSON.parse(readFileSync(ERROR_TEXTS_FILE, 'utf8')) as Readonly<Record<ErrorCode, string>>;
const codes = Object.keys(ERRORS) as ErrorCode[];

const WORTH = 'The same request, unchanged, may succeed later.';
const NOT_WORTH = 'The same request, unchanged, is refused again.';

/** The page that the `type` of a problem leads to; null for what is no code of ours. */
export function errorPage(code: string): string | null {
  const known = codes.find((each) => each === code);
  if (known === undefined) return null;
  const { status, message, retryable } = ERRORS[known];
  return htmlPage(
    `${known}: Tollgate`,
    `<h1><code>${known}</code></h1>
<p><strong>${status}</strong> ${inline(message)} ${retryable ? WORTH : NOT_WORTH}</p>
${markdown(texts[known])}`,
  );
}

/** The page that lists all errors. */
export function errorsPage(): string {
  const entries = codes.map(
    (code) =>
      `<li><a href="${errorPath(code)}"><code>${code}</code></a> <strong>${ERRORS[code].status}</strong> ${inline(ERRORS[code].message)}</li>`,
  );
  return htmlPage('Errors: Tollgate', `<h1>Errors</h1>\n<ul class="plain">\n${entries.join('\n')}\n</ul>`);
}

import type { ProblemBody } from '@tollgate/errors';
import { errorPath, escaped, htmlPage } from './html.js';

/** A refusal as a page, for somebody whose browser was sent to an address and would show them JSON. */
export function problemPage({ title, code, detail, errors = [], request_id: requestId }: ProblemBody): string {
  const faults = errors.map(({ path, message }) => `<li><code>${escaped(path)}</code> ${escaped(message)}</li>`);
  return htmlPage(
    title,
    [
      `<h1>${escaped(title)}</h1>`,
      detail === undefined ? '' : `<p>${escaped(detail)}</p>`,
      faults.length === 0 ? '' : `<ul>${faults.join('')}</ul>`,
      `<p><a href="${errorPath(escaped(code))}">What this means, and what to do</a></p>`,
      '<p><a href="/sign-in">Sign in</a></p>',
      requestId === undefined ? '' : `<p class="soft">Request <code>${escaped(requestId)}</code></p>`,
    ].join('\n'),
  );
}

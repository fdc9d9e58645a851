/** Text as HTML. Whatever a document says, it is never read as markup. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** The path of the page of an error. */
export const errorPath = (code: string): string => `/docs/errors/${code}`;

/**
 * The little Markdown that our texts use: paragraphs, lists, `code`, **bold** and links. A link leads to another error
 * (`#code`), within our origin, or to an https address; any other is shown as text.
 */
export function markdown(text: string): string {
  const blocks = text.trim().split(/\n\s*\n/);
  return blocks.map((block) => (block.startsWith('- ') ? list(block) : `<p>${inline(block)}</p>`)).join('\n');
}

const list = (block: string): string =>
  `<ul>${block
    .slice(2)
    .split('\n- ')
    .map((item) => `<li>${inline(item)}</li>`)
    .join('')}</ul>`;

/** Markdown within a line. */
export function inline(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.startsWith('`') && part.length > 2 ? `<code>${escaped(part.slice(1, -1))}</code>` : plain(part),
    )
    .join('');
}

function plain(text: string): string {
  return escaped(text)
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(/\[([^\]]+)\]\(([^()\s]+)\)/g, (_all, shown: string, target: string) => {
      const href = hrefOf(target);
      return href === null ? shown : `<a href="${href}">${shown}</a>`;
    });
}

function hrefOf(target: string): string | null {
  const fragment = /^&#35;(\w+)$|^#(\w+)$/.exec(target);
  if (fragment !== null) return errorPath(fragment[1] ?? fragment[2] ?? '');
  return /^(?:\/(?!\/)|https:\/\/)/.test(target) ? target : null;
}

/** A whole page. `body` is HTML. */
export const htmlPage = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<nav><a href="/docs/api">API</a> <a href="/docs/errors">Errors</a> <a href="/openapi.json">openapi.json</a></nav>
<main>
${body}
</main>
</body>
</html>
`;

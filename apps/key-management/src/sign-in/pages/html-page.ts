import { html, type Html, type HtmlPart } from '@tollgate/http';

/** Where the style of all pages is. */
export const STYLE_PATH = '/account-pages/account.css';

/** The text of a page with the style of all pages. `head` is what its head has besides. */
export function htmlPage(title: string, body: HtmlPart, head: Html = html``): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} – Tollgate</title>
        <link rel="stylesheet" href="${STYLE_PATH}" />
        ${head}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `.text;
}

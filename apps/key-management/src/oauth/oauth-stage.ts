import { createHash, randomBytes } from 'node:crypto';
import type { Answer, SignInStage } from '../sign-in/sign-in-stage.js';
import { newAddress, ORIGIN } from '../sign-in/sign-in-stage.js';

/** For specs: what an app keeps of a request that it makes. */
export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

export function newPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** The form of a page as a browser without scripts has it: where it leads, and the fields that it would send. */
export function formOf(text: string, action: string): Record<string, string> {
  const form = [...text.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)]
    .map(([each]) => each)
    .find((each) => each.includes(`method="post"`) && each.includes(`action="${action}"`));
  if (form === undefined) throw new Error(`there is no form to ${action}: ${text.slice(0, 400)}`);
  const fields: Record<string, string> = {};
  for (const [input] of form.matchAll(/<input\s[^>]*>/g))
    fields[attribute(input, 'name') ?? ''] = attribute(input, 'value') ?? '';
  for (const [, name, inside] of form.matchAll(/<select[^>]*name="([^"]+)"[^>]*>([\s\S]*?)<\/select>/g)) {
    const chosen = [...(inside ?? '').matchAll(/<option[^>]*>/g)].map(([each]) => each);
    const selected = chosen.find((each) => each.includes(' selected')) ?? chosen[0] ?? '';
    fields[name ?? ''] = attribute(selected, 'value') ?? '';
  }
  for (const [, name, inside] of form.matchAll(/<textarea[^>]*name="([^"]+)"[^>]*>\n?([\s\S]*?)<\/textarea\s*>/g))
    fields[name ?? ''] = unescaped(inside ?? '');
  return fields;
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? null : unescaped(value);
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** The address to which a page leads the browser; null if it leads nowhere. */
export function leadsTo({ text }: Pick<Answer, 'text'>): URL | null {
  const content = /<meta http-equiv="refresh" content="0; url=([^"]*)"/.exec(text)?.[1];
  return content === undefined ? null : new URL(unescaped(content));
}

/** Sends a form as a browser without scripts does. */
export function post(
  { send }: SignInStage,
  fields: Readonly<Record<string, string>>,
  session: { readonly token: string } | null,
  headers: Readonly<Record<string, string>> = { origin: ORIGIN },
): Promise<Answer> {
  return send('POST', '/auth', {
    body: new URLSearchParams(fields).toString(),
    from: newAddress(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(session !== null && { cookie: `tollgate_session=${session.token}` }),
      ...headers,
    },
  });
}

/** The address of the page for a request of an app. */
export const authPath = (query: Readonly<Record<string, string>>): string => `/auth?${new URLSearchParams(query)}`;

/** The fields of the form of a page that leads to an address, as a browser without scripts has them. */
export function plainForm(text: string, action: string): Record<string, string> {
  const form = [...text.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)]
    .map(([each]) => each)
    .find((each) => each.includes('method="post"') && each.includes(`action="${action}"`));
  if (form === undefined) throw new Error(`there is no form to ${action}: ${text.slice(0, 400)}`);
  const fields: Record<string, string> = {};
  for (const [input] of form.matchAll(/<input\s[^>]*>/g)) fields[attribute(input, 'name')] = attribute(input, 'value');
  for (const [, name = '', inside = ''] of form.matchAll(/<select[^>]*name="([^"]+)"[^>]*>([\s\S]*?)<\/select>/g)) {
    const choices = [...inside.matchAll(/<option[^>]*>/g)].map(([each]) => each);
    fields[name] = attribute(choices.find((each) => each.includes(' selected')) ?? choices[0] ?? '', 'value');
  }
  for (const [, name = '', inside = ''] of form.matchAll(/<textarea[^>]*name="([^"]+)"[^>]*>\n?([\s\S]*?)<\/textarea/g))
    fields[name] = unescaped(inside);
  return fields;
}

/** The address to which a page sends the browser by itself; null if it stays. */
export function refreshOf(text: string): URL | null {
  const to = /<meta http-equiv="refresh" content="0; url=([^"]*)"/.exec(text)?.[1];
  return to === undefined ? null : new URL(unescaped(to));
}

const attribute = (tag: string, name: string): string =>
  unescaped(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

import { hasSecretForm } from './secret.js';

/** The longest form first: of `sk-sub-…` the shorter one would not hold, since its body has no hyphen. */
const FORMS: readonly { readonly prefix: string; readonly length: number }[] = [
  { prefix: 'sk-sub-', length: 57 },
  { prefix: 'sk-', length: 53 },
];

/**
 * Every secret that stands in a text, once each, in the order they begin: between other characters of any kind, one
 * right after the other, or with letters directly before and behind. Form and checksum are as for a secret alone, so
 * what is found was made as one. The time is linear in the text, whatever it holds: a body has no hyphen, so no
 * character is looked at for more than two beginnings.
 */
export function findSecrets(text: string): string[] {
  const found = new Set<string>();
  for (let at = text.indexOf('sk-'); at !== -1; at = text.indexOf('sk-', at + 1)) {
    const form = FORMS.find(
      ({ prefix, length }) => text.startsWith(prefix, at) && hasSecretForm(text.slice(at, at + length)),
    );
    if (form !== undefined) found.add(text.slice(at, at + form.length));
  }
  return [...found];
}

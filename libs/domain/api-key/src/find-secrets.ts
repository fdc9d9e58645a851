import { hasSecretForm, SECRET_LENGTHS } from './secret.js';

/**
 * Every secret that stands in a text, once each, in the order they begin: between other characters of any kind, one
 * right after the other, or with letters directly before and behind. Form and checksum are as for a secret alone, so
 * what is found was made as one. The time is linear in the text, whatever it holds: a body has no hyphen, so no
 * character is looked at for more than two beginnings.
 */
export function findSecrets(text: string): string[] {
  const found = new Set<string>();
  for (let at = text.indexOf('sk-'); at !== -1; at = text.indexOf('sk-', at + 1)) {
    const secret = SECRET_LENGTHS.map((length) => text.slice(at, at + length)).find(hasSecretForm);
    if (secret !== undefined) found.add(secret);
  }
  return [...found];
}

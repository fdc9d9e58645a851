import { hasSecretForm, SECRET_LENGTHS } from './secret.js';

/**
 * Finds all secrets in a text, each once, in the order in which they begin. A secret is also found directly after
 * another one, or between letters. Form and checksum are checked, so a text that only looks like a secret is not found.
 * The time is linear in the text: the 50 characters after a prefix have no hyphen, so no character is examined for more
 * than two candidates.
 */
export function findSecrets(text: string): string[] {
  const found = new Set<string>();
  for (let at = text.indexOf('sk-'); at !== -1; at = text.indexOf('sk-', at + 1)) {
    const secret = SECRET_LENGTHS.map((length) => text.slice(at, at + length)).find(hasSecretForm);
    if (secret !== undefined) found.add(secret);
  }
  return [...found];
}

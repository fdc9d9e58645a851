import { createHash } from 'node:crypto';

/** 32 hex digits of the key's id, and 32 of their SHA-256. */
const HASH = /^([0-9a-f]{32})([0-9a-f]{32})$/;

/**
 * What clients of OpenRouter call the `hash` of a key: 64 hex digits as theirs are, made of the key's id alone. It says
 * nothing of the secret, and stays the same when the key is rotated.
 */
export function hashOfKey(id: string): string {
  const digits = id.replaceAll('-', '');
  return digits + checkOf(digits);
}

/** The id of the key with a hash; null for a text that is no hash of ours. */
export function idOfHash(hash: string): string | null {
  const [, digits = '', check] = HASH.exec(hash) ?? [];
  if (check !== checkOf(digits)) return null;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const checkOf = (digits: string): string => createHash('sha256').update(digits).digest('hex').slice(0, 32);

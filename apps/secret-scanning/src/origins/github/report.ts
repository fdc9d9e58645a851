import { createHash } from 'node:crypto';
import { allDigestsOf, digestsUnder, findSecrets, importableWords, type Peppers } from '@tollgate/api-key';
import type { ReportedItem } from '../../leaks/reported-item.js';

const URL_CHARACTERS_MAX = 2_000;
const SOURCE_PATTERN = /^[\w .-]{1,64}$/;
/** Matches anything that looks like a secret of ours, also directly after a letter, and several in a row. */
const SECRET_LIKE = /(sk-(?:sub-)?|pk-)[0-9A-Za-z]{32,}(?:-(?:sub-)?[0-9A-Za-z]{32,})*/g;

/**
 * Reads one item of GitHub's array. Its token is the text that a scanner took for a secret, often with more around it:
 * quotes, a line end, a second secret. All secrets in it count. Its length is limited only by the body's.
 *
 * An item that cannot be read does not make the report invalid, since every item gets a label. If its token is not a
 * string, the item has no secrets, and its hash is that of the empty text.
 *
 * `mayBeImported`: there may be keys whose secrets another product has made. Then the words of the token count too,
 * whatever their form.
 */
export function readItem(item: unknown, peppers: Peppers, mayBeImported = false): ReportedItem {
  const { token, type, url, source } = (typeof item === 'object' && item !== null ? item : {}) as Record<
    string,
    unknown
  >;
  const text = typeof token === 'string' ? token : '';
  const words = mayBeImported ? importableWords(text) : [];
  return {
    // `findSecrets` ignores the prefix `pk-`, which marks public keys.
    digests: mayBeImported
      ? [...new Set([...findSecrets(text), ...words].flatMap((word) => allDigestsOf(word, peppers)))]
      : findSecrets(text).flatMap((secret) => digestsUnder(secret, peppers)),
    tokenHash: createHash('sha256').update(text).digest('hex'),
    tokenType: typeof type === 'string' ? type : '',
    place: { url: masked(readUrl(url), words), source: readSource(source) },
  };
}

/** A secret of another product has no form by which it is told from the rest of an address. */
const masked = (url: string, words: readonly string[]): string =>
  words.reduce((text, word) => text.replaceAll(word, '[secret]'), url);

function readUrl(url: unknown): string {
  if (typeof url !== 'string' || url.length > URL_CHARACTERS_MAX || url.includes('\u0000')) return '';
  return url.replace(SECRET_LIKE, '$1[secret]');
}

function readSource(source: unknown): string {
  if (typeof source !== 'string' || !SOURCE_PATTERN.test(source)) return '';
  return source.toLowerCase().replace(SECRET_LIKE, '[secret]');
}

import { createHash } from 'node:crypto';
import { digestsUnder, findSecrets, type Peppers } from '@tollgate/api-key';
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
 */
export function readItem(item: unknown, peppers: Peppers): ReportedItem {
  const { token, type, url, source } = (typeof item === 'object' && item !== null ? item : {}) as Record<
    string,
    unknown
  >;
  const text = typeof token === 'string' ? token : '';
  return {
    // `findSecrets` ignores the prefix `pk-`, which marks public keys.
    digests: findSecrets(text).flatMap((secret) => digestsUnder(secret, peppers)),
    tokenHash: createHash('sha256').update(text).digest('hex'),
    tokenType: typeof type === 'string' ? type : '',
    place: { url: readUrl(url), source: readSource(source) },
  };
}

function readUrl(url: unknown): string {
  if (typeof url !== 'string' || url.length > URL_CHARACTERS_MAX || url.includes('\u0000')) return '';
  return url.replace(SECRET_LIKE, '$1[secret]');
}

function readSource(source: unknown): string {
  if (typeof source !== 'string' || !SOURCE_PATTERN.test(source)) return '';
  return source.toLowerCase().replace(SECRET_LIKE, '[secret]');
}

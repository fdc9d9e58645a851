import { createHash } from 'node:crypto';
import { digestSecret, findSecrets } from '@tollgate/api-key';
import type { ReportedItem } from '../../leaks/reported-item.js';

const URL_CHARACTERS_MAX = 2_000;
const SOURCE_PATTERN = /^[\w .-]{1,64}$/;
/** Anything like a secret of ours, wherever it stands: also right behind a letter, and several in a row. */
const SECRET_LIKE = /(sk-(?:sub-)?|pk-)[0-9A-Za-z]{32,}(?:-(?:sub-)?[0-9A-Za-z]{32,})*/g;

/**
 * One item of GitHub's array. Its token is what a scanner took for a secret, often with more around it: quotes, a line
 * end, a second secret. All secrets in it count; the limit of the body is the limit of the token.
 *
 * Every item gets a label, so one that cannot be read is no reason to refuse the others: without a token that is text
 * it is nobody's, and its hash is that of the empty text.
 */
export function readItem(item: unknown, pepper: string): ReportedItem {
  const { token, type, url, source } = (typeof item === 'object' && item !== null ? item : {}) as Record<
    string,
    unknown
  >;
  const text = typeof token === 'string' ? token : '';
  return {
    // `pk-` is public, and no such secret is found.
    digests: findSecrets(text).map((secret) => digestSecret(secret, pepper)),
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

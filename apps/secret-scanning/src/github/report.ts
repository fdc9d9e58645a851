import { createHash } from 'node:crypto';
import { digestSecret, hasSecretForm } from '@tollgate/api-key';

/** What was said of one token, as far as it could be read. */
export interface ReportedItem {
  /** HMAC under our pepper; null where the token has not the form of our secrets, and no look-up is owed. */
  readonly digest: string | null;
  /** SHA-256 of the token, 64 hex digits: what the answer names it by. */
  readonly tokenHash: string;
  /** As it came, for the answer. */
  readonly tokenType: string;
  readonly place: Place;
}

/** Where a token was seen, without the token. Both may be empty. */
export interface Place {
  readonly url: string;
  /** Lower case; GitHub's list of them is open. */
  readonly source: string;
}

const TOKEN_CHARACTERS_MAX = 1_000;
const URL_CHARACTERS_MAX = 2_000;
const SOURCE_PATTERN = /^[\w .-]{1,64}$/;
/** Anything like a secret of ours, wherever it stands. */
const SECRET_LIKE = /\b(sk-(?:sub-)?|pk-)[0-9A-Za-z]{32,}/g;

/**
 * One item of GitHub's array. Every item gets a label, so one that cannot be read is no reason to refuse the others:
 * without a token that is text it is nobody's, and its hash is that of the empty text.
 */
export function readItem(item: unknown, pepper: string): ReportedItem {
  const { token, type, url, source } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
  const text = typeof token === 'string' ? token : '';
  return {
    // `pk-` is public: hasSecretForm knows no such secret.
    digest: text.length <= TOKEN_CHARACTERS_MAX && hasSecretForm(text) ? digestSecret(text, pepper) : null,
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

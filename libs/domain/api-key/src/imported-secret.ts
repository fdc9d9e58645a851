import { createHash } from 'node:crypto';
import type { Peppers } from './peppers.js';
import { digestSecret, hasSecretForm } from './secret.js';
import type { SecretForm } from './snapshot.js';

/** What the digest of an imported secret was made of. */
export type ImportedForm = Exclude<SecretForm, 'native'>;

/**
 * What an imported secret may look like: 8 to 200 visible ASCII characters. Other text needs no look-up.
 */
const FOREIGN_SECRET = /^[\x21-\x7e]{8,200}$/;
/** What `sha256_without_prefix` leaves out at the beginning of a secret, as one-api and its forks store theirs. */
const CUT_PREFIX = 'sk-';

/** Whether a text can be a secret that was made by another product and imported by its SHA-256. */
export function canBeImported(text: string): boolean {
  return FOREIGN_SECRET.test(text);
}

/** So many words of a text are looked up at most: there are few around a secret. */
const WORDS_MAX = 20;

/**
 * The words of a text that can be imported secrets: what stands between spaces, quotes and brackets, and behind the
 * sign by which it is assigned.
 */
export function importableWords(text: string): string[] {
  const apart = text.split(/[\s"'`<>(){}[\],;]+/);
  // With what may belong to the secret or to the text around it.
  const words = apart.flatMap((word) => [word, word.replace(/^[\w.-]{1,50}[=:]/, ''), word.replace(/^.*[=:]/, '')]);
  return [...new Set(words)].filter(canBeImported).slice(0, WORDS_MAX);
}

/**
 * The digest of an imported secret under a pepper, 64 hex digits. `sha256` is 64 lower-case hex digits. What is stored
 * is this HMAC and never the SHA-256 itself: who reads the table can neither use it nor try secrets against it.
 */
export function digestImported(sha256: string, form: ImportedForm, pepper: string): string {
  return digestSecret(`${form}:${sha256}`, pepper);
}

/** The digests that a secret of another product has if it was imported, for each form that it can have. */
export function importedDigests(secret: string, peppers: Peppers): readonly ImportedDigests[] {
  if (!canBeImported(secret)) return [];
  const whole = digestsOf(secret, 'sha256', peppers);
  return secret.startsWith(CUT_PREFIX)
    ? [whole, digestsOf(secret.slice(CUT_PREFIX.length), 'sha256_without_prefix', peppers)]
    : [whole];
}

/** The digests of one secret in one form. */
export interface ImportedDigests {
  /** Under the present pepper. */
  readonly present: string;
  /** Under the previous pepper; null while no pepper is being replaced. */
  readonly previous: string | null;
}

function digestsOf(hashed: string, form: ImportedForm, [present, previous]: Peppers): ImportedDigests {
  const sha256 = createHash('sha256').update(hashed).digest('hex');
  return {
    present: digestImported(sha256, form, present),
    previous: previous === undefined ? null : digestImported(sha256, form, previous),
  };
}

/**
 * All digests that a credential can have, in any form and under any pepper: our own form first, but only of what has
 * it. Of another text it would be made of that text as it is, and somebody who read a SHA-256 in an export could write
 * the very text of which `digestImported` makes the digest of a key.
 */
export function allDigestsOf(credential: string, peppers: Peppers): string[] {
  return [
    ...(hasSecretForm(credential) ? peppers.map((pepper) => digestSecret(credential, pepper)) : []),
    ...importedDigests(credential, peppers).flatMap(({ present, previous }) =>
      previous === null ? [present] : [present, previous],
    ),
  ];
}

const HEX = /^[0-9a-f]{64}$/;
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/**
 * A SHA-256 as people and programs write it, as 64 lower-case hex digits: hex in any case, base64 or base64url with or
 * without padding, with or without `sha256:` or `sha256-` before it. Null for anything else.
 */
export function readSha256(text: string): string | null {
  const bare = text.trim().replace(/^sha256[:-]/i, '');
  const lower = bare.toLowerCase();
  if (HEX.test(lower)) return lower;
  if (!BASE64.test(bare)) return null;
  const bytes = Buffer.from(bare, 'base64url');
  return bytes.length === 32 ? bytes.toString('hex') : null;
}

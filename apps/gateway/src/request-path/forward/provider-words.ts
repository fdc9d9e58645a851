import type { CredentialMask } from '../../providers/credential-mask.js';

/** So much of what a provider said is kept for the log. */
const WORDS_MAX = 300;
const MASK = '[hidden]';
/** Instead of words that tell our credential in a way which cannot be masked in them. */
const TOLD = '[hidden: our credential stands in it]';
/** More than the words that are kept, so that no credential is cut in two. */
const LOOKED_THROUGH_BYTES = 64 * 1024;
/**
 * What looks like a credential of anybody: a bearer token, or a prefix that API keys have, followed by much randomness.
 */
const SECRETS =
  /\b(?:Bearer\s+\S{8,}|(?:sk|pk|rk|gsk|xai|key|api[_-]?key)[-_][A-Za-z0-9_*.-]{8,}|AIza[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.\S+)/gi;

/**
 * What a provider said, for the log: in one line, bounded, and without anything that is or looks like a credential.
 * `credential` is ours at this provider; some repeat it in their errors. `mask` knows its other spellings.
 */
export function providerWords(body: Buffer, credential: string | null, mask: CredentialMask | null = null): string {
  if (mask !== null && mask.isToldBy(body.subarray(0, LOOKED_THROUGH_BYTES))) return TOLD;
  // Cut late enough that no secret is cut in two before it is looked for.
  let words = body.toString('utf8', 0, WORDS_MAX * 8);
  if (credential !== null && credential !== '') words = words.replaceAll(credential, MASK);
  if (mask !== null) words = mask.mask(words);
  words = words
    .replace(SECRETS, MASK)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return words.length <= WORDS_MAX ? words : `${words.slice(0, WORDS_MAX)}…`;
}

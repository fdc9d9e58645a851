import type { SecretsMask } from '../../providers/secrets-mask.js';

/** The most characters of a provider's text that are logged. */
const WORDS_MAX = 300;
const MASK = '[hidden]';
/** Replaces a text that contains our credential in a form that cannot be masked. */
const TOLD = '[hidden: it contains our credential]';
/** More than the logged part, so that a credential is not cut in two before it is searched for. */
const LOOKED_THROUGH_BYTES = 64 * 1024;
/**
 * Matches what looks like anyone's credential: a bearer token, or a common prefix of API keys followed by random
 * characters.
 */
const SECRETS =
  /\b(?:Bearer\s+\S{8,}|(?:sk|pk|rk|gsk|xai|key|api[_-]?key)[-_][A-Za-z0-9_*.-]{8,}|AIza[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.\S+)/gi;

/**
 * A provider's text for the log: in one line, of bounded length, and without anything that is or looks like a
 * credential. `credential` is ours at this provider, which some repeat in their errors. `mask` knows its other
 * spellings.
 */
export function providerWords(body: Buffer, credential: string | null, mask: SecretsMask | null = null): string {
  if (mask !== null && mask.isToldBy(body.subarray(0, LOOKED_THROUGH_BYTES))) return TOLD;
  // Longer than the logged part, so that no secret is cut in two before it is searched for.
  let words = body.toString('utf8', 0, WORDS_MAX * 8);
  if (credential !== null && credential !== '') words = words.replaceAll(credential, MASK);
  if (mask !== null) words = mask.mask(words);
  words = words
    .replace(SECRETS, MASK)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return words.length <= WORDS_MAX ? words : `${words.slice(0, WORDS_MAX)}…`;
}

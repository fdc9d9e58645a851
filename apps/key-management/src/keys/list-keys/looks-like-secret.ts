import { findSecrets } from '@tollgate/api-key';

/** What to do with a secret that stands in the query of a request. */
export const NO_SECRET_IN_ADDRESS =
  'must have no secret, since others see addresses: search for it by POST /v1/api-keys/search, and rotate its key';

/** Encodings around one another; nobody pastes more. */
const DECODED_MAX = 3;
/** `sk-` at the beginning of a word and what may follow in secrets of ours or of those we import, in any case. */
const PREFIXED = /(?<![0-9a-z])sk-[0-9a-z_-]{16,}/i;
/** Longer than anything that people name, and than an id without its hyphens: the middle of a secret, or a digest. */
const RUN = /[0-9a-z_+/]{40,}/i;

/**
 * Whether a text may have a secret in it: as it is, behind `Bearer`, in other case, percent-encoded. It says yes too
 * often rather than too seldom, for it decides what must not stand in an address.
 */
export function looksLikeSecret(text: string): boolean {
  let decoded = text;
  for (let depth = 0; depth <= DECODED_MAX; depth++) {
    if (PREFIXED.test(decoded) || RUN.test(decoded) || findSecrets(decoded).length > 0) return true;
    const next = percentDecoded(decoded);
    if (next === decoded) return false;
    decoded = next;
  }
  return false;
}

/** Decodes what is well-formed and leaves the rest, which `decodeURIComponent` would refuse as a whole. */
const percentDecoded = (text: string): string =>
  text.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

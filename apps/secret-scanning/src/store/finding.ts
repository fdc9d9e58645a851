import { createHash } from 'node:crypto';

/** The place where a token was seen, without the token. Both fields may be empty. */
export interface Place {
  readonly url: string;
  /** In lower case, as `commit`. GitHub may add new values. */
  readonly source: string;
}

/** A secret with the form of ours that was seen at one place. It has only the digest of the secret. */
export interface Finding extends Place {
  readonly digest: string;
  /** The reporter, as `github`. */
  readonly origin: string;
  /** The reporter's name for this kind of secret. */
  readonly tokenType: string;
}

/** A hash of the place, 64 hex digits. A secret is stored once for each place, and this tells repeats. */
export function placeHash({ origin, url, source }: Pick<Finding, 'origin' | 'url' | 'source'>): string {
  return createHash('sha256')
    .update(JSON.stringify([origin, url, source]))
    .digest('hex');
}

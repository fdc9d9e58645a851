import { createHash } from 'node:crypto';

/** Where a token was seen, without the token. Both may be empty. */
export interface Place {
  readonly url: string;
  /** Lower case; GitHub's list of them is open. */
  readonly source: string;
}

/** A secret with the form of ours, seen somewhere. The secret is no part of it. */
export interface Finding extends Place {
  readonly digest: string;
  /** Who reported it. */
  readonly origin: string;
  /** What the reporter calls this kind of secret. */
  readonly tokenType: string;
}

/** One record of a secret for each place: repeats are told by this, 64 hex digits. */
export function placeHash({ origin, url, source }: Pick<Finding, 'origin' | 'url' | 'source'>): string {
  return createHash('sha256')
    .update(JSON.stringify([origin, url, source]))
    .digest('hex');
}

import type { Place } from '../store/finding.js';

/** What an origin said of one token, as far as it could be read. */
export interface ReportedItem {
  /** HMAC under our pepper of each secret in the token that has the form of ours; without one no look-up is owed. */
  readonly digests: readonly string[];
  /** SHA-256 of the token, 64 hex digits: what the answer names it by. */
  readonly tokenHash: string;
  /** As it came, for the answer. */
  readonly tokenType: string;
  readonly place: Place;
}

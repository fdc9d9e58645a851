import type { Place } from '../store/finding.js';

/** One reported token, as far as the report could be read. */
export interface ReportedItem {
  /**
   * The HMAC under each of our peppers of each secret in the token that has the form of ours. Empty if the token has
   * none.
   */
  readonly digests: readonly string[];
  /** SHA-256 of the token, 64 hex digits; the answer names the token by it. */
  readonly tokenHash: string;
  /** The type as it was reported; the answer repeats it. */
  readonly tokenType: string;
  readonly place: Place;
}

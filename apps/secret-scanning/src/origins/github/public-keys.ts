import type { KeyObject } from 'node:crypto';
import { shareCalls } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import { readPublicKey } from './signature.js';

/** One key of the list that GitHub publishes. Keys that the list marks as not current are valid too. */
export interface PublishedKey {
  readonly identifier: string;
  readonly pem: string;
}

/** The list cannot be fetched now; a report that is signed with an unknown key must be sent again later. */
export class PublicKeysUnavailable extends Error {
  override readonly name = 'PublicKeysUnavailable';
}

/** Accepts more than GitHub's own identifiers, which are 64 hex digits. */
const IDENTIFIER = /^[\w.:+/=-]{1,200}$/;
const UNLISTED_MS = 30_000;
const UNLISTED_MAX = 1_000;
/** Fetches are limited, since anybody can send unknown identifiers and GitHub allows 60 fetches an hour per address. */
const FETCHES_AT_ONCE = 10;
const FETCH_REGAINED_MS = 60_000;

/** A list is refreshed after this long, so that a key that GitHub has removed is not accepted any more. */
const FRESH_MS = 10 * 60_000;
/** After a failed refresh the last list stays in use, and no new attempt is made for this long … */
const RETRY_MS = 30_000;
/** … but it is used for at most this long after its fetch. A missed leak is worse than a key that was removed. */
const USED_MS_MAX = 24 * 3_600_000;

/** A fetched list: the keys by identifier, and how many entries could not be read. */
interface ReadList {
  readonly keys: Map<string, KeyObject>;
  readonly skipped: number;
}

/**
 * Caches the keys that GitHub signs reports with. The list is fetched if a report names an identifier that is not on
 * it, or arrives when the list is more than 10 minutes old. Each list replaces the one before.
 */
export class GithubPublicKeys {
  private known: ReadonlyMap<string, KeyObject> = new Map();
  private skipped = 0;
  private fetchedAtMs = -Infinity;
  private failedAtMs = -Infinity;
  /** Identifiers that were not on the list, with the time until which no fetch is made for them again. */
  private readonly unlisted = new Map<string, number>();
  private fetchesLeft = FETCHES_AT_ONCE;
  private regainedAtMs: number;

  /** `fetchList` gives null for an entry without both texts. `nowMs` is a monotonic clock. */
  constructor(
    private readonly fetchList: () => Promise<readonly (PublishedKey | null)[]>,
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.regainedAtMs = nowMs();
  }

  /**
   * The key of this identifier; null if GitHub does not list it.
   * @throws {PublicKeysUnavailable} if the list is needed and cannot be fetched
   */
  async find(identifier: string): Promise<KeyObject | null> {
    if (!IDENTIFIER.test(identifier)) return null;
    if (this.known.has(identifier)) return this.findKnown(identifier);
    if ((this.unlisted.get(identifier) ?? -Infinity) > this.nowMs()) return null;
    await this.fetchOnce();
    return this.known.get(identifier) ?? this.rememberUnlisted(identifier);
  }

  /** Finds an identifier that is on the current list; an old list is refreshed first. */
  private async findKnown(identifier: string): Promise<KeyObject | null> {
    const known = this.known.get(identifier);
    if (known !== undefined && this.nowMs() - this.fetchedAtMs < FRESH_MS) return known;
    if (this.nowMs() - this.failedAtMs >= RETRY_MS) await this.refreshOnce();
    if (this.nowMs() - this.fetchedAtMs >= USED_MS_MAX)
      throw new PublicKeysUnavailable('the public keys could not be fetched for a day');
    return this.known.get(identifier) ?? this.rememberUnlisted(identifier);
  }

  /** Never rejects: if the fetch fails, the last list stays. */
  private readonly refreshOnce = shareCalls(() =>
    this.fetchOnce().catch((err: unknown) => {
      this.failedAtMs = this.nowMs();
      this.logger.warn(
        { err },
        "GitHub's list of public keys cannot be fetched; the last list stays in use for at most a day",
      );
    }),
  );

  /** Runs one fetch at a time; calls during a fetch share its result. */
  private readonly fetchOnce = shareCalls(() => this.fetch());

  private async fetch(): Promise<void> {
    this.takeFetch();
    const { keys, skipped } = await this.fetchReadable();
    // An entry that stays broken is logged once, not at each fetch.
    if (skipped > 0 && skipped !== this.skipped)
      this.logger.warn(
        { skipped, keys: keys.size },
        "entries of GitHub's list of public keys cannot be read and are skipped",
      );
    this.skipped = skipped;
    this.known = keys;
    this.fetchedAtMs = this.nowMs();
  }

  private async fetchReadable(): Promise<ReadList> {
    try {
      const list = await this.fetchList();
      const read = readList(list);
      // An empty list means that GitHub has withdrawn all keys; a list without a readable entry does not.
      if (read.keys.size === 0 && read.skipped > 0) throw new Error('no entry of the list can be read');
      return read;
    } catch (cause) {
      throw new PublicKeysUnavailable('the public keys could not be fetched', { cause });
    }
  }

  private takeFetch(): void {
    const regained = Math.floor((this.nowMs() - this.regainedAtMs) / FETCH_REGAINED_MS);
    this.fetchesLeft = Math.min(FETCHES_AT_ONCE, this.fetchesLeft + regained);
    this.regainedAtMs += regained * FETCH_REGAINED_MS;
    if (this.fetchesLeft === 0) throw new PublicKeysUnavailable('the public keys were fetched too often');
    this.fetchesLeft -= 1;
  }

  private rememberUnlisted(identifier: string): null {
    this.unlisted.delete(identifier);
    this.unlisted.set(identifier, this.nowMs() + UNLISTED_MS);
    const oldest = this.unlisted.keys().next().value;
    if (this.unlisted.size > UNLISTED_MAX && oldest !== undefined) this.unlisted.delete(oldest);
    return null;
  }
}

function readList(list: readonly (PublishedKey | null)[]): ReadList {
  const keys = new Map<string, KeyObject>();
  let skipped = 0;
  for (const entry of list) {
    const key = entry === null ? null : readPublicKey(entry.pem);
    if (entry === null || key === null) skipped += 1;
    else keys.set(entry.identifier, key);
  }
  return { keys, skipped };
}

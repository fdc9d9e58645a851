import type { KeyObject } from 'node:crypto';
import { shareCalls } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import { readPublicKey } from './signature.js';

/** One key of the list that GitHub publishes. One that is not current any longer still counts. */
export interface PublishedKey {
  readonly identifier: string;
  readonly pem: string;
}

/** The list cannot be had now; a report signed with a key we do not know yet must be sent again. */
export class PublicKeysUnavailable extends Error {
  override readonly name = 'PublicKeysUnavailable';
}

/** GitHub's own are 64 hex digits. */
const IDENTIFIER = /^[\w.:+/=-]{1,200}$/;
const UNLISTED_MS = 30_000;
const UNLISTED_MAX = 1_000;
/** Anybody can send unknown identifiers, and GitHub answers 60 fetches an hour from one address. */
const FETCHES_AT_ONCE = 10;
const FETCH_REGAINED_MS = 60_000;

/** A list is believed for so long: a key that GitHub takes off it is forgotten with the next one. */
const FRESH_MS = 10 * 60_000;
/** After a fetch that failed, the last list goes on being used: first for this long without another try … */
const RETRY_MS = 30_000;
/** … and in all for so long since it was fetched. Reports of leaks matter more than a key that may be off the list. */
const USED_MS_MAX = 24 * 3_600_000;

/** What a fetch brought: the keys by identifier, and how many entries of the list could not be read. */
interface ReadList {
  readonly keys: Map<string, KeyObject>;
  readonly skipped: number;
}

/**
 * The keys that GitHub signs with. The list is fetched for an identifier that is not on it, and when it is 10 minutes
 * old and a report asks; each list takes the place of the one before.
 */
export class GithubPublicKeys {
  private known: ReadonlyMap<string, KeyObject> = new Map();
  private skipped = 0;
  private fetchedAtMs = -Infinity;
  private failedAtMs = -Infinity;
  /** Identifiers that were not on the list, with the moment until which nobody asks again. */
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
   * The key of this identifier; null where GitHub lists none.
   * @throws {PublicKeysUnavailable}
   */
  async find(identifier: string): Promise<KeyObject | null> {
    if (!IDENTIFIER.test(identifier)) return null;
    if (this.known.has(identifier)) return this.findKnown(identifier);
    if ((this.unlisted.get(identifier) ?? -Infinity) > this.nowMs()) return null;
    await this.fetchOnce();
    return this.known.get(identifier) ?? this.rememberUnlisted(identifier);
  }

  /** The list has this identifier, or had it when it was fetched last. */
  private async findKnown(identifier: string): Promise<KeyObject | null> {
    if (this.nowMs() - this.fetchedAtMs < FRESH_MS) return this.known.get(identifier)!;
    if (this.nowMs() - this.failedAtMs >= RETRY_MS) await this.refreshOnce();
    if (this.nowMs() - this.fetchedAtMs >= USED_MS_MAX)
      throw new PublicKeysUnavailable('the public keys could not be fetched for a day');
    return this.known.get(identifier) ?? this.rememberUnlisted(identifier);
  }

  /** Never rejects: the last list is still there. */
  private readonly refreshOnce = shareCalls(() =>
    this.fetchOnce().catch((err: unknown) => {
      this.failedAtMs = this.nowMs();
      this.logger.warn(
        { err },
        "GitHub's list of public keys cannot be fetched; the last one goes on being used for a day at most",
      );
    }),
  );

  /** One fetch at a time, and whoever asks meanwhile takes its result. */
  private readonly fetchOnce = shareCalls(() => this.fetch());

  private async fetch(): Promise<void> {
    this.takeFetch();
    const { keys, skipped } = await this.fetchReadable();
    // An entry that stays broken is told once, not at each fetch.
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
      // A list of which nothing can be read is no word that all keys are gone; an empty one is.
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

import type { KeyObject } from 'node:crypto';
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

/** The keys that GitHub signs with, fetched only for an identifier that is not known yet. */
export class GithubPublicKeys {
  private readonly known = new Map<string, KeyObject>();
  /** Identifiers that were not on the list, with the moment until which nobody asks again. */
  private readonly unlisted = new Map<string, number>();
  private fetching: Promise<void> | null = null;
  private fetchesLeft = FETCHES_AT_ONCE;
  private regainedAtMs: number;

  /** `nowMs` is a monotonic clock. */
  constructor(private readonly fetchList: () => Promise<readonly PublishedKey[]>, private readonly nowMs: () => number = () => performance.now()) {
    this.regainedAtMs = nowMs();
  }

  /**
   * The key of this identifier; null where GitHub lists none.
   * @throws {PublicKeysUnavailable}
   */
  async find(identifier: string): Promise<KeyObject | null> {
    if (!IDENTIFIER.test(identifier)) return null;
    const key = this.known.get(identifier);
    if (key !== undefined) return key;
    if ((this.unlisted.get(identifier) ?? -Infinity) > this.nowMs()) return null;
    // One fetch at a time, and whoever asks meanwhile takes its result.
    this.fetching ??= this.fetch().finally(() => {
      this.fetching = null;
    });
    await this.fetching;
    return this.known.get(identifier) ?? this.rememberUnlisted(identifier);
  }

  private async fetch(): Promise<void> {
    this.takeFetch();
    let list: readonly PublishedKey[];
    try {
      list = await this.fetchList();
    } catch (cause) {
      throw new PublicKeysUnavailable('the public keys could not be fetched', { cause });
    }
    for (const { identifier, pem } of list) {
      const key = readPublicKey(pem);
      if (key !== null) this.known.set(identifier, key);
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

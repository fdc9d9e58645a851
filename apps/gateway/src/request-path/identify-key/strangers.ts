import type { VerifiedKey } from '@tollgate/contracts';
import { AddressAllowance } from '@tollgate/http';
import { evictOldest } from '../exchange/evict-oldest.js';
import { everyDigest, type Digests } from './digest-memory.js';

/** The most unknown digests that are looked up at the authority at the same time. */
const UNDER_WAY_MAX = 1_000;
/** The look-ups of unknown secrets that an address may cause: at once, and then in each second. */
const UNKNOWN_BURST = 200;
const UNKNOWN_PER_SECOND = 100;
/** The most digests that are remembered as valid, regardless of the cached keys. */
const MET_MAX = 100_000;

/**
 * `too_many` means that too many unknown secrets came from the address; `busy` means that too many digests are being
 * looked up. Neither says anything about the key.
 */
export type StrangersAnswer = VerifiedKey | 'too_many' | 'busy';

/**
 * Bounds the cost of invented secrets. Anyone can make up a well-formed secret that this process cannot tell from a
 * valid one, so that each would be a query of the authority's database. An address may therefore cause a limited number
 * of look-ups of unknown secrets in a second, and all addresses together a limited number at the same time. A digest
 * that was valid once is always looked up: a flood does not keep out known clients, even if the whole cache had to be
 * dropped.
 */
export class Strangers {
  readonly #unknown: AddressAllowance;
  readonly #met = new Set<string>();
  #underWay = 0;

  constructor(now?: () => number) {
    this.#unknown = new AddressAllowance({ burst: UNKNOWN_BURST, perSecond: UNKNOWN_PER_SECOND, ...(now && { now }) });
  }

  /** Notes that a key has this digest. */
  met(digest: string): void {
    if (this.#met.has(digest)) return;
    evictOldest(this.#met, MET_MAX);
    this.#met.add(digest);
  }

  /**
   * Asks the authority about the digests of one secret, unless a limit is reached. Rejects if the authority's call
   * does.
   */
  async ask(
    digests: Digests,
    address: string,
    verifyKey: (digests: Digests) => Promise<VerifiedKey>,
  ): Promise<StrangersAnswer> {
    if (this.#hasMet(digests)) return verifyKey(digests);
    if (this.#underWay >= UNDER_WAY_MAX) return 'busy';
    // Taken before the answer arrives, because otherwise all simultaneous look-ups would pass.
    if (!this.#unknown.take(address)) return 'too_many';
    this.#underWay += 1;
    let isUnknown = false;
    try {
      const verified = await verifyKey(digests);
      isUnknown = verified.snapshot === null;
      return verified;
    } finally {
      this.#underWay -= 1;
      if (!isUnknown) this.#unknown.giveBack(address);
    }
  }

  #hasMet(digests: Digests): boolean {
    return everyDigest(digests).some((digest) => this.#met.has(digest));
  }
}

import type { VerifiedKey } from '@tollgate/contracts';
import { AddressAllowance } from '@tollgate/http';
import { letOldestGo } from '../exchange/let-oldest-go.js';

/** Digests nobody has heard of here that the authority is asked for at once; more are not asked for. */
const UNDER_WAY_MAX = 1_000;
/** What an address may ask for that turns out to be nobody's: at once, and then in each second. */
const UNKNOWN_BURST = 200;
const UNKNOWN_PER_SECOND = 100;
/** Digests remembered as good ones, whatever became of their keys' snapshots. */
const MET_MAX = 100_000;

/**
 * `too_many`: too much that came from the address was nobody's. `busy`: too many are being asked for at once. Neither
 * says anything about the key.
 */
export type StrangersAnswer = VerifiedKey | 'too_many' | 'busy';

/**
 * Bounds what invented secrets cost. Anybody can make up a secret of the right form, and nothing that this process
 * remembers tells it from a good one: each would be a query of the authority's database. So an address may ask for so
 * many a second that turn out to be nobody's, and all together for so many at a time. A digest that was good once is
 * asked for whatever else is asked: a flood does not keep out who was served before it, not even where all that was
 * remembered of keys had to be dropped.
 */
export class Strangers {
  readonly #unknown: AddressAllowance;
  readonly #met = new Set<string>();
  #underWay = 0;

  constructor(now?: () => number) {
    this.#unknown = new AddressAllowance({ burst: UNKNOWN_BURST, perSecond: UNKNOWN_PER_SECOND, ...(now && { now }) });
  }

  /** A key answers to this digest. */
  met(digest: string): void {
    if (this.#met.has(digest)) return;
    letOldestGo(this.#met, MET_MAX);
    this.#met.add(digest);
  }

  /** Asks the authority, where that is not too much; rejects as it does. */
  async ask(
    digest: string,
    address: string,
    verifyKey: (digest: string) => Promise<VerifiedKey>,
  ): Promise<StrangersAnswer> {
    if (this.#met.has(digest)) return verifyKey(digest);
    if (this.#underWay >= UNDER_WAY_MAX) return 'busy';
    // Taken before the answer is there: else all that are under way at once would pass.
    if (!this.#unknown.take(address)) return 'too_many';
    this.#underWay += 1;
    let nobodys = false;
    try {
      const verified = await verifyKey(digest);
      nobodys = verified.snapshot === null;
      return verified;
    } finally {
      this.#underWay -= 1;
      if (!nobodys) this.#unknown.giveBack(address);
    }
  }
}

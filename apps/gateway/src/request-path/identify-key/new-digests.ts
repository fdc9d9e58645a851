import { ADDED_DIGESTS_MAX, type KeyManagementApi } from '@tollgate/contracts';
import { Periodic } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';

const INTERVAL_MS = 1_000;
/** The most keys that wait to be told of. A key that finds no room is noted again when it is used again. */
const WAITING_MAX = 10_000;
/** After this long a key that is still known only under the previous pepper is told of again. */
const TOLD_MS = 60_000;
/** While key-management cannot take them, this is logged at once and then at this interval. */
const TROUBLE_INTERVAL_MS = 60_000;

/**
 * Tells key-management the digest under the present pepper of keys that are used and known only under the previous one.
 * It does so beside the requests, which do not wait. key-management adds the digest to the key, and announces it; from
 * then on the key is found under the present pepper.
 */
export class NewDigests {
  /** Digests under the present pepper, by the one under the previous pepper. */
  readonly #waiting = new Map<string, string>();
  readonly #told = new Set<string>();
  readonly #run = new Periodic(() => this.#tell(), { everyMs: INTERVAL_MS, background: true });
  #toldSince = performance.now();
  #troubleAt = -Infinity;

  constructor(
    private readonly keyManagement: Pick<KeyManagementApi, 'addDigests'>,
    private readonly logger: Logger,
  ) {}

  /** Notes a key that was used: the digest that it is known by, and the one that it should be known by. */
  note(known: string, added: string): void {
    if (this.#waiting.size < WAITING_MAX && !this.#told.has(known)) this.#waiting.set(known, added);
  }

  start(): void {
    this.#run.start();
  }

  /** Tells what still waits. What key-management does not take is noted again when its key is used again. */
  async stop(): Promise<void> {
    await this.#run.stop();
    await this.#tell();
  }

  async #tell(): Promise<void> {
    if (performance.now() - this.#toldSince > TOLD_MS) {
      this.#told.clear();
      this.#toldSince = performance.now();
    }
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, ADDED_DIGESTS_MAX).map(([known, added]) => ({ known, added }));
      try {
        await this.keyManagement.addDigests(batch);
      } catch (err) {
        this.#logTrouble(err);
        return;
      }
      for (const { known } of batch) {
        this.#waiting.delete(known);
        this.#told.add(known);
      }
    }
  }

  #logTrouble(err: unknown): void {
    if (performance.now() - this.#troubleAt < TROUBLE_INTERVAL_MS) return;
    this.#troubleAt = performance.now();
    this.logger.info(
      { err, keys: this.#waiting.size },
      'key-management does not take digests under the present pepper yet: keys stay known under the previous one',
    );
  }
}

import type { TollgateClient } from '@tollgate/journey';

/**
 * Asks one gateway without a pause between, until it refuses the key. It asks for a model that nobody serves, which a
 * living key learns as 404 after its key was checked and before any provider is called: about a millisecond each.
 */
export class RefusalPoller {
  /**
   * When the last call began that was told that the key lives, by `performance.now()`. How long a busy machine takes
   * for one says nothing about the key.
   */
  seenAliveAt: number | null = null;
  readonly seenAlive: Promise<void>;
  /** When the first refusal had arrived. */
  readonly refusedAt: Promise<number>;

  /**
   * `mayBeUnavailable`: 503 says that nobody could be asked, and is no answer about the key. `refusal` is the status by
   * which it is refused.
   */
  constructor(
    private readonly client: TollgateClient,
    private readonly secret: string,
    private readonly mayBeUnavailable = false,
    private readonly refusal: 401 | 403 = 401,
  ) {
    let alive: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => {
      alive = resolve;
    });
    this.refusedAt = this.#poll(alive);
    this.seenAlive = Promise.race([
      seen,
      this.refusedAt.then(() => {
        throw new Error('a key was refused before its revoke');
      }),
    ]);
    // Who waits for the refusal alone hears of a failure there.
    this.seenAlive.catch(() => undefined);
  }

  async #poll(alive: () => void): Promise<number> {
    for (;;) {
      const beganAt = performance.now();
      const { status, text } = await this.client.chat(this.secret, { model: 'no-such-model' });
      if (status === this.refusal) return performance.now();
      if (status === 503 && this.mayBeUnavailable) continue;
      if (status !== 404) throw new Error(`a living key was answered ${status}: ${text}`);
      this.seenAliveAt = beganAt;
      alive();
    }
  }
}

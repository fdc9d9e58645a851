import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import { KeyMeter } from '../../metrics.js';
import { KeyStore, type FoundKey } from '../../store/key-store.js';

/** Most digests in one query. */
const BATCH_MAX = 1_000;
/** Most digests that may wait for a later query; more are refused at once. */
const WAITING_MAX = 2_000;
/** Look-ups answered in one turn of the event loop. */
const ANSWERS_OF_A_TURN = 50;
const RETRY_AFTER = { 'retry-after': '1' };

interface Question {
  readonly digest: string;
  readonly answer: Promise<FoundKey | null>;
  resolve(key: FoundKey | null): void;
  reject(error: unknown): void;
}

/**
 * Queues look-ups, since anybody can cause one by sending an invented secret. Only one query runs at a time; it takes
 * the digests that are waiting when it starts, in order of arrival. So a thousand strangers cost one query, and a valid
 * key among them is answered by the next query, or by one of the two after it if more are waiting than fit into one.
 */
@Injectable()
export class DigestLookUps {
  /** Waiting look-ups by digest, in order of arrival; callers that ask for the same digest share one. */
  private readonly waiting = new Map<string, Question>();
  private queryUnderWay = false;

  constructor(
    @Inject(KeyStore) private readonly store: Pick<KeyStore, 'lookUp'>,
    @Inject(KeyMeter) private readonly meter: Pick<KeyMeter, 'lookedUp' | 'lookUpQuery'>,
  ) {}

  /**
   * The key that a digest belongs to, even if it is deleted; null if there is none.
   * @throws {Problem} `keys_unavailable` at once if too many look-ups wait; otherwise it rejects as the query does
   */
  find(digest: string): Promise<FoundKey | null> {
    const known = this.waiting.get(digest);
    // Only waiting look-ups are shared: a query that is already running may have read before the key was created.
    if (known !== undefined) return known.answer;
    if (this.waiting.size >= WAITING_MAX) {
      this.meter.lookedUp('refused', 1);
      return Promise.reject(new Problem('keys_unavailable', { headers: RETRY_AFTER }));
    }
    const question = newQuestion(digest);
    this.waiting.set(digest, question);
    // Starts at the end of this turn, so that look-ups that arrive in the same turn share the query.
    if (!this.queryUnderWay && this.waiting.size === 1) setImmediate(() => this.next());
    return question.answer;
  }

  private next(): void {
    if (this.queryUnderWay || this.waiting.size === 0) return;
    const batch = new Map([...this.waiting].slice(0, BATCH_MAX));
    for (const digest of batch.keys()) this.waiting.delete(digest);
    this.queryUnderWay = true;
    void this.answer(batch).finally(() => {
      this.queryUnderWay = false;
      this.next();
    });
  }

  /** Never rejects. */
  private async answer(batch: ReadonlyMap<string, Question>): Promise<void> {
    this.meter.lookUpQuery();
    try {
      const keys = await this.store.lookUp([...batch.keys()]);
      const found = [...batch.keys()].filter((digest) => keys.has(digest)).length;
      this.meter.lookedUp('found', found);
      this.meter.lookedUp('unknown', batch.size - found);
      let answered = 0;
      for (const { digest, resolve } of batch.values()) {
        resolve(keys.get(digest) ?? null);
        // Callers resume in this turn of the event loop: a thousand at once would block all other work.
        if ((answered += 1) % ANSWERS_OF_A_TURN === 0) await turn();
      }
    } catch (error) {
      this.meter.lookedUp('failed', batch.size);
      for (const { reject } of batch.values()) reject(error);
    }
  }
}

function newQuestion(digest: string): Question {
  const settle: Pick<Question, 'resolve' | 'reject'> = { resolve: () => undefined, reject: () => undefined };
  const answer = new Promise<FoundKey | null>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { digest, answer, ...settle };
}

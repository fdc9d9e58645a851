import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import { KeyMeter } from '../../metrics.js';
import { KeyStore, type FoundKey } from '../../store/key-store.js';

/** Digests of one query. */
const BATCH_MAX = 1_000;
/** Digests that wait for the query after the one under way; more are refused at once. */
const WAITING_MAX = 2_000;
/** Questions answered in one turn of the event loop. */
const ANSWERS_OF_A_TURN = 50;
const RETRY_AFTER = { 'retry-after': '1' };

interface Question {
  readonly digest: string;
  readonly answer: Promise<FoundKey | null>;
  resolve(key: FoundKey | null): void;
  reject(error: unknown): void;
}

/**
 * The queue of look-ups that anybody can cause with an invented secret. One query is under way at a time, for all
 * digests that waited as it began, in the order in which they came: a thousand strangers cost one query, and a good key
 * among them is answered with the next query or, where more than a query takes are waiting, one of the two after it.
 */
@Injectable()
export class DigestLookUps {
  /** By digest, in the order in which they came; each is answered once, however many ask. */
  private readonly waiting = new Map<string, Question>();
  private queryUnderWay = false;

  constructor(
    @Inject(KeyStore) private readonly store: Pick<KeyStore, 'lookUp'>,
    @Inject(KeyMeter) private readonly meter: Pick<KeyMeter, 'lookedUp' | 'lookUpQuery'>,
  ) {}

  /**
   * The key that answers to a digest, deleted ones too; null for none.
   * @throws {Problem} `keys_unavailable` at once, where too many wait; else as the query does
   */
  find(digest: string): Promise<FoundKey | null> {
    const known = this.waiting.get(digest);
    // A query that is under way may have been answered before the key was made.
    if (known !== undefined) return known.answer;
    if (this.waiting.size >= WAITING_MAX) {
      this.meter.lookedUp('refused', 1);
      return Promise.reject(new Problem('keys_unavailable', { headers: RETRY_AFTER }));
    }
    const question = newQuestion(digest);
    this.waiting.set(digest, question);
    // What else comes in this turn goes with it.
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
        // Whoever hears goes on in this turn: a thousand at once would hold up all else.
        if ((answered += 1) % ANSWERS_OF_A_TURN === 0) await turn();
      }
    } catch (error) {
      this.meter.lookedUp('failed', batch.size);
      for (const { reject } of batch.values()) reject(error);
    }
  }
}

function newQuestion(digest: string): Question {
  let settle: Pick<Question, 'resolve' | 'reject'> | null = null;
  const answer = new Promise<FoundKey | null>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { digest, answer, ...settle! };
}

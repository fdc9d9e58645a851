import { randomUUID } from 'node:crypto';
import { Periodic } from '@tollgate/periodic';
import type { DataSource } from 'typeorm';
import { OutboxClaims, type OutboxBacklog } from './outbox-claims.js';
import type { OutboxRow } from './outbox.js';

/**
 * Does what committed entries ask for, outside of any transaction. Called with entries in order, at least
 * once each: after a crash or a failure with the same ones again. Throws when not all of them could be done.
 */
export type OutboxEffect = (rows: readonly OutboxRow[]) => Promise<void>;

export interface OutboxRelayOptions {
  readonly dataSource: DataSource;
  readonly schema: string;
  /** By name. Each runs in a loop of its own: one that hangs does not hold up another. */
  readonly effects: Readonly<Record<string, OutboxEffect>>;
  readonly onError: (error: unknown, what: string) => void;
  /** How often to look for entries that nobody called `wake` for (another process's, a crash's). Default 500. */
  readonly pollMs?: number;
  /**
   * After a crash, its entries are taken up by another process after this long. Renewed while an effect runs. Default
   * 3,000.
   */
  readonly leaseMs?: number;
  /** Entries for one call of an effect at most. Default 100. */
  readonly batchSize?: number;
}

const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 2_000;
const DELIVERY_POLL_MS = 25;

type Round = { kind: 'done' | 'idle' } | { kind: 'failed'; retryInMs: number };

/** Runs the effects of a service's outbox; several processes may, each entry is leased to one. */
export class OutboxRelay {
  private readonly claims: OutboxClaims;
  /** One for each effect. */
  private readonly runs: readonly Periodic[];
  private readonly waiters = new Map<string, Set<() => void>>();

  constructor(private readonly options: OutboxRelayOptions) {
    const { dataSource, schema, effects, pollMs: everyMs = 500 } = options;
    this.claims = new OutboxClaims(dataSource, schema);
    this.runs = Object.entries(effects).map(([name, effect]) => {
      const run: Periodic = new Periodic(() => this.run(name, effect, () => run.stopped), { everyMs });
      return run;
    });
  }

  start(): void {
    for (const run of this.runs) run.start();
  }

  /** Resolves when the effects that are running have ended and nothing more will be begun. */
  async stop(): Promise<void> {
    await Promise.all(this.runs.map((run) => run.stop()));
  }

  /** Look at once: call it after the commit of a transaction that added entries. */
  wake(): void {
    for (const run of this.runs) run.wake();
  }

  /**
   * What waits for each of the effects, with zeros for those that nothing waits for. Rejects when the database cannot
   * be asked.
   */
  async backlog(): Promise<readonly OutboxBacklog[]> {
    const waiting = new Map((await this.claims.backlog()).map((each) => [each.effect, each]));
    return Object.keys(this.options.effects).map(
      (effect) => waiting.get(effect) ?? { effect, entries: 0, ageSeconds: 0 },
    );
  }

  /**
   * Wakes the relay and waits until these entries are done, by any process: true; false when `withinMs` is over first.
   */
  async delivered(ids: readonly string[], withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    this.wake();
    while (performance.now() < deadline) {
      await this.someDone(ids, Math.min(DELIVERY_POLL_MS, deadline - performance.now()));
      if ((await this.claims.waiting(ids)) === 0) return true;
    }
    return false;
  }

  /**
   * Rounds until nothing waits that is due. Resolves with the milliseconds after which something is, where that failed.
   */
  private async run(name: string, effect: OutboxEffect, stopped: () => boolean): Promise<number | void> {
    let retryAt = Infinity;
    while (!stopped()) {
      const round = await this.round(name, effect);
      if (round.kind === 'failed') retryAt = Math.min(retryAt, performance.now() + round.retryInMs);
      if (round.kind === 'idle') break;
    }
    if (retryAt !== Infinity) return Math.max(0, retryAt - performance.now());
  }

  /** Never rejects. */
  private async round(name: string, effect: OutboxEffect): Promise<Round> {
    const { leaseMs = 3_000, batchSize = 100, onError } = this.options;
    const claimId = randomUUID();
    try {
      const rows = await this.claims.claim(name, claimId, leaseMs, batchSize);
      if (rows.length === 0) return { kind: 'idle' };
      try {
        await this.keepingLease(claimId, leaseMs, () => effect(rows));
      } catch (error) {
        onError(error, `outbox effect ${name} failed for ${rows.length} entries`);
        const retryInMs = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** (rows[0]!.attempt - 1));
        await this.claims.failed(claimId, retryInMs);
        return { kind: 'failed', retryInMs };
      }
      await this.claims.done(rows.map((row) => row.id));
      for (const row of rows) this.tell(row.id);
      return { kind: 'done' };
    } catch (error) {
      onError(error, `outbox ${this.options.schema}: the database cannot be asked`);
      return { kind: 'idle' };
    }
  }

  private async keepingLease(claimId: string, leaseMs: number, work: () => Promise<void>): Promise<void> {
    const renewal = setInterval(() => {
      this.claims.renew(claimId, leaseMs).catch((error) => this.options.onError(error, 'outbox lease not renewed'));
    }, leaseMs / 3);
    try {
      await work();
    } finally {
      clearInterval(renewal);
    }
  }

  private async someDone(ids: readonly string[], withinMs: number): Promise<void> {
    const id = ids[0];
    if (id === undefined) return;
    const waiters = this.waiters.get(id) ?? new Set();
    this.waiters.set(id, waiters);
    await waitFor(waiters, withinMs);
    if (waiters.size === 0) this.waiters.delete(id);
  }

  private tell(id: string): void {
    for (const waiter of this.waiters.get(id) ?? []) waiter();
  }
}

/** Resolves when one of the callbacks it puts in the set is called, or the time is over. */
function waitFor(callbacks: Set<() => void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      callbacks.delete(done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    callbacks.add(done);
  });
}

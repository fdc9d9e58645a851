import { randomUUID } from 'node:crypto';
import { Periodic } from '@tollgate/periodic';
import { OutboxClaims, type OutboxBacklog } from './outbox-claims.js';
import type { OutboxRow } from './outbox.js';
import type { ServiceDatabase } from './service-database.js';

/**
 * Does what committed entries ask for, outside of any transaction. It receives entries in order, each at least once:
 * after a crash or a failure it receives the same ones again. It must reject if not all of them could be done.
 */
export type OutboxEffect = (rows: readonly OutboxRow[]) => Promise<void>;

export interface OutboxRelayOptions {
  readonly database: Pick<ServiceDatabase, 'acrossOrganizations'>;
  readonly schema: string;
  /** The effects by name. Each runs in a loop of its own, so one that hangs does not block another. */
  readonly effects: Readonly<Record<string, OutboxEffect>>;
  readonly onError: (error: unknown, what: string) => void;
  /**
   * Milliseconds between two polls for entries without a `wake`, such as those of another process or of one that
   * crashed. Default 500.
   */
  readonly pollMs?: number;
  /**
   * Milliseconds after which a lease expires, so that another process can take over the entries of one that crashed. It
   * is renewed while an effect runs. Default 3,000.
   */
  readonly leaseMs?: number;
  /** The most entries of one call of an effect. Default 100. */
  readonly batchSize?: number;
  /** The longest pause between two attempts at an entry, in milliseconds. Default 2,000. */
  readonly retryMsMax?: number;
}

const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX_DEFAULT = 2_000;
const DELIVERY_POLL_MS = 25;

type Round = { kind: 'done' | 'idle' } | { kind: 'failed'; retryInMs: number };

/** Runs the effects of a service's outbox. Several processes may do so: each entry is leased to one of them. */
export class OutboxRelay {
  private readonly claims: OutboxClaims;
  /** One loop for each effect. */
  private readonly runs: readonly Periodic[];
  private readonly waiters = new Map<string, Set<() => void>>();

  constructor(private readonly options: OutboxRelayOptions) {
    const { database, schema, effects, pollMs: everyMs = 500 } = options;
    this.claims = new OutboxClaims(database, schema);
    this.runs = Object.entries(effects).map(([name, effect]) => {
      const run: Periodic = new Periodic(() => this.run(name, effect, () => run.stopped), { everyMs });
      return run;
    });
  }

  start(): void {
    for (const run of this.runs) run.start();
  }

  /** Resolves when the running effects have ended; no more begin. */
  async stop(): Promise<void> {
    await Promise.all(this.runs.map((run) => run.stop()));
  }

  /** Looks for entries at once. Call it after the commit of a transaction that added entries. */
  wake(): void {
    for (const run of this.runs) run.wake();
  }

  /**
   * The waiting entries of each effect, with zeros for an effect without any. Rejects if the database cannot be
   * queried.
   */
  async backlog(): Promise<readonly OutboxBacklog[]> {
    const waiting = new Map((await this.claims.backlog()).map((each) => [each.effect, each]));
    return Object.keys(this.options.effects).map(
      (effect) => waiting.get(effect) ?? { effect, entries: 0, ageSeconds: 0 },
    );
  }

  /** Milliseconds for which the oldest entry of these effects has waited; 0 if none waits. */
  oldestMs(effects: readonly string[]): Promise<number> {
    return this.claims.oldestMs(effects);
  }

  /**
   * Wakes the relay and waits until any process has done these entries. Resolves with false if that takes longer than
   * `withinMs`.
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
   * Runs rounds until no entry is due. If an entry has failed, it resolves with the milliseconds until its retry.
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
    const { leaseMs = 3_000, batchSize = 100, retryMsMax = RETRY_MS_MAX_DEFAULT, onError } = this.options;
    const claimId = randomUUID();
    try {
      const rows = await this.claims.claim(name, claimId, leaseMs, batchSize);
      const [first] = rows;
      if (first === undefined) return { kind: 'idle' };
      try {
        await this.keepingLease(claimId, leaseMs, () => effect(rows));
      } catch (error) {
        onError(error, `the outbox effect ${name} failed for ${rows.length} entries`);
        const retryInMs = Math.min(retryMsMax, RETRY_MS_FIRST * 2 ** (first.attempt - 1));
        await this.claims.failed(claimId, retryInMs);
        return { kind: 'failed', retryInMs };
      }
      await this.claims.done(rows.map((row) => row.id));
      for (const row of rows) this.tell(row.id);
      return { kind: 'done' };
    } catch (error) {
      onError(error, `the outbox of the schema ${this.options.schema} cannot be read or written`);
      return { kind: 'idle' };
    }
  }

  private async keepingLease(claimId: string, leaseMs: number, work: () => Promise<void>): Promise<void> {
    const renewal = setInterval(() => {
      this.claims
        .renew(claimId, leaseMs)
        .catch((error) => this.options.onError(error, 'a lease of the outbox was not renewed'));
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

/** Adds a callback to the set; resolves when it is called, or after `ms`. */
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

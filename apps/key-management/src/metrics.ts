import { Inject, Injectable } from '@nestjs/common';
import type { LeakedKeyOutcome } from '@tollgate/contracts';
import type { OutboxBacklog } from '@tollgate/postgres';
import { Counter, Histogram, METRICS_REGISTRY, registerAskedGauges, type Registry } from '@tollgate/telemetry';

const REVOKE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const WRITE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/** The outcome of a look-up of a digest. */
export type LookUpOutcome = 'found' | 'unknown' | 'failed' | 'refused';

/** The metrics of key-management; `docs/metrics.md` says what each is for. */
@Injectable()
export class KeyMeter {
  private readonly revokes: Counter<'answer'>;
  private readonly revokeSeconds: Histogram;
  private readonly leaked: Counter<'outcome'>;
  private readonly writeSeconds: Histogram;
  private readonly writeFailures: Counter;
  private readonly lookUps: Counter<'outcome'>;
  private readonly lookUpQueries: Counter;
  private readonly imported: Counter;
  private readonly refilled: Counter;

  constructor(@Inject(METRICS_REGISTRY) registry: Registry) {
    const registers = [registry];
    this.revokes = new Counter({
      name: 'tollgate_key_management_revokes_total',
      help: 'Revokes and deletes, by their answer: 200 when every gateway could know, 202 when not yet',
      labelNames: ['answer'],
      registers,
    });
    this.revokeSeconds = new Histogram({
      name: 'tollgate_key_management_revoke_seconds',
      help: 'From asking for a revoke to its answer',
      buckets: REVOKE_SECONDS,
      registers,
    });
    this.leaked = new Counter({
      name: 'tollgate_key_management_leaked_digests_total',
      help: 'Digests reported as leaked, by what became of their keys',
      labelNames: ['outcome'],
      registers,
    });
    this.lookUps = new Counter({
      name: 'tollgate_key_management_look_ups_total',
      help: 'Digests that gateways asked for, by what was found; refused ones found too many others waiting',
      labelNames: ['outcome'],
      registers,
    });
    this.lookUpQueries = new Counter({
      name: 'tollgate_key_management_look_up_queries_total',
      help: 'Queries that answered them, each for all that waited',
      registers,
    });
    this.imported = new Counter({
      name: 'tollgate_key_management_imported_keys_total',
      help: 'Keys of other products that were imported',
      registers,
    });
    this.refilled = new Counter({
      name: 'tollgate_key_management_snapshots_refilled_total',
      help: 'Snapshots of keys that were put back after the store had lost them',
      registers,
    });
    // Each series starts at 0: Prometheus' increase() does not see the first event of a series that starts at 1.
    for (const answer of ['200', '202']) this.revokes.inc({ answer }, 0);
    for (const outcome of ['revoked', 'pending', 'already_revoked', 'unknown']) this.leaked.inc({ outcome }, 0);
    for (const outcome of ['found', 'unknown', 'failed', 'refused'] as const) this.lookUps.inc({ outcome }, 0);
    this.writeSeconds = new Histogram({
      name: 'tollgate_key_management_snapshot_write_seconds',
      help: 'Duration of writing and announcing one snapshot',
      buckets: WRITE_SECONDS,
      registers,
    });
    this.writeFailures = new Counter({
      name: 'tollgate_key_management_snapshot_write_failures_total',
      help: 'Snapshots that could not be written; each is tried again',
      registers,
    });
  }

  revokeAnswered(everywhere: boolean, seconds: number): void {
    this.revokes.inc({ answer: everywhere ? '200' : '202' });
    this.revokeSeconds.observe(seconds);
  }

  leakedDigests(outcomes: readonly LeakedKeyOutcome[]): void {
    for (const { outcome } of outcomes) this.leaked.inc({ outcome });
  }

  /** Counts keys that an import has made live. */
  keysImported(keys: number): void {
    this.imported.inc(keys);
  }

  /** Counts snapshots that were put back. */
  snapshotsRefilled(keys: number): void {
    this.refilled.inc(keys);
  }

  /** Counts digests that were looked up with this outcome. */
  lookedUp(outcome: LookUpOutcome, digests: number): void {
    if (digests > 0) this.lookUps.inc({ outcome }, digests);
  }

  /** Counts one query, which answers all digests that were waiting. */
  lookUpQuery(): void {
    this.lookUpQueries.inc();
  }

  /** Measures one write of a snapshot, and rejects if the write does. */
  async snapshotWrite(write: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    try {
      await write();
    } catch (error) {
      this.writeFailures.inc();
      throw error;
    }
    this.writeSeconds.observe((performance.now() - begun) / 1_000);
  }
}

/** Counting keys reads all secrets: it is done at most once in this time, however often somebody scrapes. */
const COUNT_INTERVAL_MS = 60_000;

/** Registers the gauge by which an operator sees when the previous pepper can be taken away. `count` reads all keys. */
export function registerPreviousPepperGauge(registry: Registry, count: () => Promise<number>): void {
  let counted = { at: -Infinity, keys: 0 };
  const recent = async (): Promise<number> => {
    if (performance.now() - counted.at >= COUNT_INTERVAL_MS) counted = { keys: await count(), at: performance.now() };
    return counted.keys;
  };
  registerAskedGauges(registry, recent, [
    {
      name: 'tollgate_key_management_previous_pepper_keys',
      help: 'Usable keys that are known only under the previous pepper',
      samples: (keys) => [{ value: keys }],
    },
  ]);
}

/** Registers gauges that query the database on each scrape. */
export function registerOutboxGauges(registry: Registry, backlog: () => Promise<readonly OutboxBacklog[]>): void {
  registerAskedGauges(registry, backlog, [
    {
      name: 'tollgate_key_management_outbox_entries',
      help: 'Committed changes that wait to be relayed',
      labelNames: ['effect'],
      samples: (effects) => effects.map(({ effect, entries }) => ({ labels: { effect }, value: entries })),
    },
    {
      name: 'tollgate_key_management_outbox_age_seconds',
      help: 'Age of the oldest of them',
      labelNames: ['effect'],
      samples: (effects) => effects.map(({ effect, ageSeconds }) => ({ labels: { effect }, value: ageSeconds })),
    },
  ]);
}

/** Registers the gauge of the memory of Redis, which is asked for on each scrape. It is missing without a limit. */
export function registerStoreUsedGauge(registry: Registry, used: () => Promise<number | null>): void {
  registerAskedGauges(registry, used, [
    {
      name: 'tollgate_key_management_redis_memory_used_ratio',
      help: 'Used memory of Redis, as a part of its maxmemory: at 1 it takes on nothing new',
      samples: (value) => (value === null ? [] : [{ value }]),
    },
  ]);
}

import type { Admission } from '@tollgate/admission';
import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import { Counter, Gauge, Histogram, HotHistogram, type HotSeries, type Registry } from '@tollgate/telemetry';
import type { Journal } from './journal/journal.js';
import type { Shipper } from './journal/shipper.js';
import type { CallsUnderWay } from './request-path/calls-under-way/calls-under-way.js';
import type { CreditEpochs } from './request-path/admit/credit-epochs.js';
import type { Received } from './request-path/exchange/exchange.js';
import type { KeyCache } from './request-path/identify-key/key-cache.js';
import type { InFlight } from './request-path/exchange/in-flight.js';

/** What the figures of `docs/metrics.md` are read from. */
export interface Measured {
  readonly admission: Admission;
  readonly calls: CallsUnderWay;
  readonly epochs: CreditEpochs;
  readonly inFlight: InFlight;
  readonly journal: Journal;
  readonly keys: KeyCache;
  readonly shipper: Shipper;
  readonly snapshots: KeySnapshotReader;
}

const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const FIRST_BYTE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const PROPAGATION_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const NANO_USD = 1e9;
const BATCH_ITEMS = [1, 2, 4, 8, 16, 32, 64, 127];
/** A follower that never heard anything has an infinite age. */
const AGE_SECONDS_MAX = 3_600;

/**
 * Counts requests on the path. A call costs a look-up of the outcome and, for a request that reached a provider, two
 * searches among a dozen numbers: no labels are hashed and nothing is made before a scrape.
 */
export class RequestMeter {
  readonly #outcomes = new Map<string, { requests: number }>();
  readonly #overhead: HotSeries;
  readonly #firstByteOfReply: HotSeries;
  readonly #firstByteOfStream: HotSeries;
  readonly #loss: Counter;
  readonly #credentialRepeated: Counter;

  constructor(registry: Registry) {
    const outcomes = this.#outcomes;
    new Counter({
      name: 'tollgate_gateway_requests_total',
      help: 'Inference requests by how they ended',
      labelNames: ['outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [outcome, { requests }] of outcomes) this.inc({ outcome }, requests);
      },
    });
    this.#overhead = new HotHistogram(registry, {
      name: 'tollgate_gateway_overhead_seconds',
      help: 'Time of a request in the gateway, outside the provider',
      buckets: OVERHEAD_SECONDS,
    }).series();
    const firstByte = new HotHistogram(registry, {
      name: 'tollgate_gateway_time_to_first_byte_seconds',
      help: 'From a request’s arrival to the head of a provider’s reply, or to the first data of its stream',
      buckets: FIRST_BYTE_SECONDS,
    });
    this.#loss = new Counter({
      name: 'tollgate_gateway_platform_loss_usd_total',
      help: 'What calls cost beyond the credit that was held for them, or beyond what they can have used, by provider',
      labelNames: ['provider'],
      registers: [registry],
    });
    this.#credentialRepeated = new Counter({
      name: 'tollgate_gateway_credential_repeated_total',
      help: 'Answers that held our credential at the provider and were masked, by provider',
      labelNames: ['provider'],
      registers: [registry],
    });
    this.#firstByteOfReply = firstByte.series({ stream: 'false' });
    this.#firstByteOfStream = firstByte.series({ stream: 'true' });
  }

  /** A provider charges so much more, in nano-USD, than a customer is charged for a call. */
  lost(provider: string, lossNanoUsd: bigint): void {
    this.#loss.inc({ provider }, Number(lossNanoUsd) / NANO_USD);
  }

  /** An answer of a provider held our credential there. */
  credentialRepeated(provider: string): void {
    this.#credentialRepeated.inc({ provider });
  }

  /** A request has left the path without reaching a provider, or by a bug of ours. */
  refused(outcome: string): void {
    const known = this.#outcomes.get(outcome);
    if (known === undefined) this.#outcomes.set(outcome, { requests: 1 });
    else known.requests += 1;
  }

  /** A request that reached a provider has had its last byte written. */
  served({ ask, arrivedAt, calledAt, firstByteAt, answeredAt }: Received, outcome: string): void {
    this.refused(outcome);
    this.#overhead.observe((performance.now() - answeredAt + calledAt - arrivedAt) / 1_000);
    if (firstByteAt === 0 || outcome === 'provider_failed') return;
    (ask.stream ? this.#firstByteOfStream : this.#firstByteOfReply).observe((firstByteAt - arrivedAt) / 1_000);
  }
}

/** Registers what is worth watching of a gateway besides its requests. */
export function registerMetrics(registry: Registry, measured: Measured): void {
  registerGauges(registry, measured);
  registerKeyChanges(registry, measured.snapshots);
  const { admission, epochs, keys } = measured;
  const batches = new HotHistogram(registry, {
    name: 'tollgate_gateway_admission_batch_items',
    help: 'Reserves and settles in one call of the store',
    buckets: BATCH_ITEMS,
  }).series();
  admission.onBatch((items) => batches.observe(items));
  new Counter({
    name: 'tollgate_gateway_key_answers_total',
    help: 'Keys identified, by where the answer came from',
    labelNames: ['layer'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [layer, count] of Object.entries(keys.counts)) this.inc({ layer }, count as number);
    },
  });
  new Gauge({
    name: 'tollgate_gateway_organizations_without_epoch',
    help: 'Organisations whose capped requests found no usable credit epoch in the last 30 s',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, count] of epochs.unusable()) this.set({ state }, count);
    },
  });
}

function registerGauges(
  registry: Registry,
  { admission, calls, inFlight, journal, shipper, snapshots }: Measured,
): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  gauge('tollgate_gateway_requests_in_flight', 'Inference requests under way', () => inFlight.size);
  gauge('tollgate_gateway_body_bytes', 'Bytes set aside for the bodies of requests under way', () => calls.bodyBytes);
  gauge(
    'tollgate_gateway_settle_lag_seconds',
    'How long the oldest settle has been on its way to the store',
    () => admission.settleLagMs() / 1_000,
  );
  gauge('tollgate_gateway_journal_bytes', 'Bytes of the journal on disk', () => journal.counts().bytes);
  gauge(
    'tollgate_gateway_journal_age_seconds',
    'Age of the oldest segment of the journal',
    () => journal.counts().ageMs / 1_000,
  );
  gauge(
    'tollgate_gateway_journal_damaged_bytes',
    'Bytes of the journal that turned out to be no record, since the start',
    () => journal.counts().damagedBytes,
  );
  gauge('tollgate_gateway_journal_unshipped_records', 'Finals in the journal that the bus has not acknowledged', () =>
    shipper.unshipped(),
  );
  gauge(
    'tollgate_gateway_ship_lag_seconds',
    'How long usage has been waiting to be acknowledged by the bus',
    () => shipper.lagMs() / 1_000,
  );
  gauge('tollgate_gateway_key_changes_age_seconds', 'How far behind the knowledge of key changes may be', () =>
    Math.min(snapshots.ageMs() / 1_000, AGE_SECONDS_MAX),
  );
}

function registerKeyChanges(registry: Registry, snapshots: KeySnapshotReader): void {
  const propagation = new Histogram({
    name: 'tollgate_gateway_revoke_propagation_seconds',
    help: 'From the moment a tombstone is announced to the moment it is heard here',
    buckets: PROPAGATION_SECONDS,
    registers: [registry],
  });
  const gaps = new Counter({
    name: 'tollgate_gateway_key_change_gaps_total',
    help: 'Times that changes of keys may have been missed, and all that was remembered was dropped',
    registers: [registry],
  });
  snapshots.follow({
    changed: ({ state }, heardAfterMs) => {
      if (state === 'revoked' && heardAfterMs !== undefined) propagation.observe(heardAfterMs / 1_000);
    },
    forget: () => undefined,
    gap: () => gaps.inc(),
  });
}

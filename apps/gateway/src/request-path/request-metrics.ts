import { Counter, HotHistogram, registerGauge, type HotSeries, type Registry } from '@tollgate/telemetry';
import type { CallsUnderWay } from './calls-under-way/calls-under-way.js';
import type { Received } from './exchange/exchange.js';
import type { InFlight } from './exchange/in-flight.js';

const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const FIRST_BYTE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const NANO_USD = 1e9;

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

/** Registers what is under way at the moment of a scrape. */
export function registerRequestMetrics(registry: Registry, inFlight: InFlight, calls: CallsUnderWay): void {
  registerGauge(registry, 'tollgate_gateway_requests_in_flight', 'Inference requests under way', () => inFlight.size);
  registerGauge(
    registry,
    'tollgate_gateway_body_bytes',
    'Bytes set aside for the bodies of requests under way',
    () => calls.bodyBytes,
  );
}

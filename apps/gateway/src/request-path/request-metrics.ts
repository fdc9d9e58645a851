import { Counter, HotHistogram, registerGauge, type HotSeries, type Registry } from '@tollgate/telemetry';
import type { OpenRequests } from './open-requests/open-requests.js';
import type { Received } from './exchange/exchange.js';
import type { InFlight } from './exchange/in-flight.js';

const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const FIRST_BYTE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const NANO_USD = 1e9;

/**
 * Counts requests on the path. A call costs a look-up of the outcome and, for a request that reached a provider, two
 * searches among a dozen numbers. No labels are hashed, and nothing else is computed before a scrape.
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
      help: 'Inference requests by outcome',
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
      help: 'Cost of calls beyond their holds or what they can have used, and of attempts without an answer, by provider',
      labelNames: ['provider'],
      registers: [registry],
    });
    this.#credentialRepeated = new Counter({
      name: 'tollgate_gateway_credential_repeated_total',
      help: 'Answers that contained our credential for the provider and were masked, by provider',
      labelNames: ['provider'],
      registers: [registry],
    });
    this.#firstByteOfReply = firstByte.series({ stream: 'false' });
    this.#firstByteOfStream = firstByte.series({ stream: 'true' });
  }

  /** Adds a loss: the provider's price of a call in nano-USD, minus the charge of the customer. */
  lost(provider: string, lossNanoUsd: bigint): void {
    this.#loss.inc({ provider }, Number(lossNanoUsd) / NANO_USD);
  }

  /** Counts an answer that contained our credential for its provider. */
  credentialRepeated(provider: string): void {
    this.#credentialRepeated.inc({ provider });
  }

  /** Counts a request that did not reach a provider, or that failed by a bug of ours. */
  refused(outcome: string): void {
    const known = this.#outcomes.get(outcome);
    if (known === undefined) this.#outcomes.set(outcome, { requests: 1 });
    else known.requests += 1;
  }

  /** Counts a request that reached a provider, after its last byte was written. */
  served({ ask, arrivedAt, calledAt, firstByteAt, answeredAt }: Received, outcome: string): void {
    this.refused(outcome);
    this.#overhead.observe((performance.now() - answeredAt + calledAt - arrivedAt) / 1_000);
    if (firstByteAt === 0 || outcome === 'provider_failed') return;
    (ask.stream ? this.#firstByteOfStream : this.#firstByteOfReply).observe((firstByteAt - arrivedAt) / 1_000);
  }
}

/** Registers gauges of the requests and bodies in flight. */
export function registerRequestMetrics(registry: Registry, inFlight: InFlight, openRequests: OpenRequests): void {
  registerGauge(registry, 'tollgate_gateway_requests_in_flight', 'Inference requests in flight', () => inFlight.size);
  registerGauge(
    registry,
    'tollgate_gateway_body_bytes',
    'Bytes of the body budget that requests in flight use',
    () => openRequests.bodyBytes,
  );
}

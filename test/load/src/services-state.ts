import { waitUntil } from '@tollgate/infra';

/** What the gateway says of itself at its operations listener. */
export interface GatewayState {
  readonly inFlight: number;
  /** How long usage has been waiting to be acknowledged by the bus. */
  readonly shipLagSeconds: number;
  /** Requests since its start, by how they ended. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** One figure out of the text that Prometheus would read. Throws an Error where it is missing. */
function gauge(metrics: string, name: string): number {
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(metrics)?.[1];
  if (value === undefined) throw new Error(`the metrics have no ${name}`);
  return Number(value);
}

/** Throws an Error where a figure is missing. */
export function parseGatewayState(metrics: string): GatewayState {
  const outcomes = new Map<string, number>();
  for (const [, outcome, count] of metrics.matchAll(
    /^tollgate_gateway_requests_total\{[^}]*outcome="([^"]+)"[^}]*\} (\d+)$/gm,
  ))
    outcomes.set(outcome!, Number(count));
  return {
    inFlight: gauge(metrics, 'tollgate_gateway_requests_in_flight'),
    shipLagSeconds: gauge(metrics, 'tollgate_gateway_ship_lag_seconds'),
    outcomes,
  };
}

/** The state of the gateway whose operations listener is at this address. */
async function gatewayState(operationsUrl: string): Promise<GatewayState> {
  return parseGatewayState(await metricsOf(operationsUrl));
}

async function metricsOf(operationsUrl: string): Promise<string> {
  return (await fetch(`${operationsUrl}/metrics`)).text();
}

/** Waits until nothing is in flight and all usage is acknowledged by the bus: what the requests cost is spent. */
export async function untilQuiet(operationsUrl: string): Promise<void> {
  await waitUntil(
    async () => {
      const { inFlight, shipLagSeconds } = await gatewayState(operationsUrl);
      return inFlight === 0 && shipLagSeconds === 0;
    },
    { what: 'the gateway to have ended all requests and shipped all usage', timeoutMs: 60_000, intervalMs: 200 },
  );
}

/** Waits until usage-billing, whose operations listener is at this address, has booked all that is on the bus. */
export async function untilAllIsBooked(operationsUrl: string): Promise<void> {
  await waitUntil(
    async () => gauge(await metricsOf(operationsUrl), 'tollgate_usage_billing_consumer_lag_records') === 0,
    {
      what: 'the ledger to have booked what is on the bus',
      timeoutMs: 120_000,
      intervalMs: 200,
    },
  );
}

import { collectDefaultMetrics, Registry } from 'prom-client';

/** Taken from here, not from prom-client, so that all apps have one. */
export { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Token of the `Registry` of a process. */
export const METRICS_REGISTRY = Symbol('METRICS_REGISTRY');

/**
 * The metrics of one app: process and event-loop figures from the start, its own as it registers them.
 * One registry per app, never prom-client's global one: the standalone runs four apps in one process.
 */
export function createMetricsRegistry(
  service: string,
  { processMetrics = true }: { readonly processMetrics?: boolean } = {},
): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (processMetrics) collectDefaultMetrics({ register: registry });
  return registry;
}

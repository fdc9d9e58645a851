import { collectDefaultMetrics, Registry } from 'prom-client';

/** Import these from here, not from prom-client, so that all apps use the same copy. */
export { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Token of the `Registry` of a process. */
export const METRICS_REGISTRY = Symbol('METRICS_REGISTRY');

/**
 * Makes the registry of one app. It has the metrics of the process and the event loop; the app registers its own. Each
 * app has a registry instead of prom-client's global one, because the standalone runs four apps in one process.
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

export { createLogger, LOG_LEVELS, LOGGER, type Logger, type LoggerOptions, type LogLevel } from './logger.js';
export { LogSampler } from './log-sampler.js';
export { describeError, type ErrorDescription } from './describe-error.js';
export { nestLogger } from './nest-logger.js';
export {
  Counter,
  createMetricsRegistry,
  Gauge,
  Histogram,
  METRICS_REGISTRY,
  type Registry,
} from './metrics-registry.js';
export { registerGauge } from './register-gauge.js';
export { registerAskedGauges, type AskedGauge, type Sample } from './asked-gauges.js';
export { HotHistogram, type HotHistogramOptions, type HotSeries } from './hot-histogram.js';
export {
  startOperationsListener,
  type OperationsListener,
  type OperationsListenerOptions,
  type Readiness,
} from './operations-listener.js';

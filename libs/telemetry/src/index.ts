export { createLogger, LOG_LEVELS, type Logger, type LoggerOptions, type LogLevel } from './logger.js';
export { describeError, type ErrorDescription } from './describe-error.js';
export { nestLogger } from './nest-logger.js';
export { createMetricsRegistry } from './metrics-registry.js';
export { startOperationsListener, type OperationsListener, type OperationsListenerOptions, type Readiness } from './operations-listener.js';

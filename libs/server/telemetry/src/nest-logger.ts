import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

/**
 * Writes Nest's own messages to our logger. Its messages about modules and routes at the start get the level `debug`:
 * with four services in one process they are some hundred lines.
 */
export function nestLogger(logger: Logger): LoggerService {
  const write =
    (level: 'debug' | 'warn' | 'error' | 'fatal' | 'trace') =>
    (message: unknown, ...rest: unknown[]) => {
      // Nest calls (message, context) or, for errors, (message, stack, context); the message may be an Error.
      const context = rest.at(-1);
      const about = typeof context === 'string' ? { context } : {};
      if (message instanceof Error) logger[level]({ ...about, err: message }, message.message);
      else if (typeof message === 'string')
        logger[level](rest.length > 1 ? { ...about, stack: rest[0] } : about, message);
      else logger[level](about, 'Nest logged a message that is not text');
    };
  return {
    log: write('debug'),
    debug: write('debug'),
    verbose: write('trace'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
  };
}

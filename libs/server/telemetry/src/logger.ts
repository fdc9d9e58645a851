import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { describeError } from './describe-error.js';

/** JSON lines. Take `Logger` from here, not from pino: what may be logged is decided in this file. */
export type Logger = PinoLogger;

/** Token of the `Logger` of a process. */
export const LOGGER = Symbol('LOGGER');

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** Which process speaks: `gateway`, `key-management`, … */
  readonly service: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default stdout, written synchronously: a line that was logged is not lost by a crash. */
  readonly destination?: DestinationStream;
}

const SENSITIVE = [
  'authorization',
  'Authorization',
  '"x-api-key"',
  '"api-key"',
  '"x-goog-api-key"',
  'cookie',
  '"set-cookie"',
  'secret',
  'password',
  'credential',
];
const redacted = (depth: string): string[] =>
  SENSITIVE.map((name) => (name.startsWith('"') ? `${depth.replace(/\.$/, '')}[${name}]` : `${depth}${name}`));

/**
 * A logger that keeps secrets to itself: known names are redacted down to the third level, and an error is
 * reduced to its type, message, code and stack (drivers hang statements and their parameters on errors).
 * Headers and bodies are never to be logged; the redaction is the second line, not the first.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError, error: describeError },
    redact: { paths: [...redacted(''), ...redacted('*.'), ...redacted('*.*.')], censor: '[redacted]' },
  };
  return destination === undefined
    ? pino(options, pino.destination({ dest: 1, sync: true }))
    : pino(options, destination);
}

import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { describeError } from './describe-error.js';

/** A logger of JSON lines. Import the type from here, not from pino: this file decides what may be logged. */
export type Logger = PinoLogger;

/** Token of the `Logger` of a process. */
export const LOGGER = Symbol('LOGGER');

/** The levels from the most to the least severe; `silent` writes nothing. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** The lowest level that is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The name in each line, the lowest level, and where lines go. */
export interface LoggerOptions {
  /** The name of the process in each line: `gateway`, `key-management`, … */
  readonly service: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default stdout, written synchronously, so that a crash loses no line. */
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
 * Makes a logger that writes no secrets: fields with known names are redacted down to the third level, and an error is
 * reduced to its type, message, code and stack, because drivers add statements and their parameters to errors. Never
 * log headers and bodies: the redaction is only a second line of defence.
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
  return pino(options, destination ?? standardOutput());
}

/** What lines that cannot be written take of memory, until they can; further ones are lost. */
const UNWRITTEN_BYTES_MAX = 1_048_576;

/**
 * Lines are written at once, so that a crash loses none. Where that fails, since the disk is full or the terminal is
 * gone, the process goes on: what it does is worth more than what it says of it.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_BYTES_MAX });
  output.on('error', () => undefined);
  return output;
}

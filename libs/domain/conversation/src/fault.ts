import type { Fault } from './dialect-codec.js';

/** A field that nobody knows may have a name of any length. In UTF-16 units. */
const PARAM_LENGTH_MAX = 256;

/**
 * Says that a request cannot be carried: `path` is the caller's field, `message` a sentence without its values. The
 * name of the field stands before the sentence too, since Anthropic's errors have no other place for it.
 */
export function fault(path: string, message: string): Fault {
  const param = path.slice(0, PARAM_LENGTH_MAX);
  return { kind: 'fault', param, message: message.startsWith(param) ? message : `${param}: ${message}` };
}

/** Whether a result is a fault and not what was asked for. */
export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'fault';
}

import type { Fault } from './dialect-codec.js';

/** Says that a request cannot be carried: `param` is the caller's field, `message` a sentence without its values. */
export function fault(param: string, message: string): Fault {
  return { kind: 'fault', param, message };
}

/** Whether a result is a fault and not what was asked for. */
export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'fault';
}

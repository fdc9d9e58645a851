import type { IncomingMessage } from 'node:http';

/** What is read away of one body without waiting: a client that sends less hears the refusal at once. */
const FREE_BYTES = 262_144;
/** What is read away of all others together: 32 MiB a second. */
const BYTES_PER_MS = 33_554;

/** When what has been read away until now is paid for, in monotonic milliseconds. */
let clearAtMs = 0;

/** Who refuses a body and who answers for it may both ask; its bytes count once. */
const beingReadAway = new WeakSet<IncomingMessage>();

/**
 * Reads away what is left of a body that nobody wants: many clients look for the answer only when all of their body is
 * sent, and one whose connection is closed before that never sees it. All such bodies share a pace, since at the full
 * speed of the line callers that are refused could keep the process busy for nothing. The server's time-out for a whole
 * request bounds how long one takes.
 */
export function readAway(request: IncomingMessage): void {
  if (request.complete || request.destroyed || beingReadAway.has(request)) return;
  beingReadAway.add(request);
  let bytes = 0;
  // Begins to read now: Node.js reads a body that nobody has begun to read away by itself, as fast as it comes.
  request.read(0);
  request.on('data', (chunk: Buffer) => {
    const now = performance.now();
    bytes += chunk.length;
    clearAtMs = Math.max(clearAtMs, now) + chunk.length / BYTES_PER_MS;
    if (bytes <= FREE_BYTES || clearAtMs - now < 1) return;
    request.pause();
    setTimeout(() => request.resume(), clearAtMs - now).unref();
  });
  request.resume();
}
